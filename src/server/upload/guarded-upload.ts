import type { IncomingMessage, ServerResponse } from 'node:http'
import { PassThrough, type Readable, type Writable } from 'node:stream'
import { processRequest } from 'graphql-upload-minimal'

/** Called for each part before graphql-upload-minimal gets it. A throw refuses the request. */
export interface UploadRules {
  onField(name: string, value: string, truncated: boolean): void
  onFile(name: string, stream: Readable): void
  /** A part without a filename after two others. The library does not say its name. */
  onFurtherField(): void
}

export interface GuardedUpload {
  /** Where the body goes. Destroying it with an error ends the parse with that error. */
  readonly body: PassThrough
  /** `operations`, with the library's `Upload` objects where the files belong, once `map` has been read. */
  readonly operations: Promise<unknown>
  /** Done reading, with the fault if there was one. Never rejects. */
  readonly done: Promise<Error | null>
  isDone(): boolean
}

type Listener = (...values: unknown[]) => void
/** Gives the values back as the library gets them. */
type Rule = (...values: unknown[]) => unknown[]
type FieldInfo = { valueTruncated: boolean }

/**
 * Parses a multipart body with graphql-upload-minimal, under guard.
 *
 * The library (1.6.4) follows inherited properties on `map` paths, so that `variables.toString.call` would replace
 * a function of the whole process, and it skips parts it does not expect. It offers one seam for a guard: it pipes the
 * request it is given into its own busboy. So it is given a stream of ours whose `pipe` puts our rules in front of
 * the library's listeners.
 */
export function parseGuarded(
  boundary: string,
  limits: { maxFieldSize: number; maxFileSize: number; maxFiles: number },
  rules: UploadRules,
): GuardedUpload {
  const body = new PassThrough()
  const done = Promise.withResolvers<Error | null>()
  let parser: Writable | undefined
  let fault: Error | null = null
  const fail = (error: Error) => {
    fault ??= error
    parser?.destroy(error)
  }

  const request = Object.assign(body, {
    headers: { 'content-type': `multipart/form-data; boundary="${boundary}"` },
    pipe(target: Writable) {
      parser = target
      guardListeners(target, rules, fail)
      target.on('error', fail)
      target.once('close', () => done.resolve(fault))
      return PassThrough.prototype.pipe.call(body, target)
    },
  })
  body.on('error', fail)
  // The library uses only the `close` of the response, to forbid late reads. Files are read at once, so it is not needed.
  const operations = processRequest(
    request as unknown as IncomingMessage,
    undefined as unknown as ServerResponse,
    limits,
  )
  operations.catch((error: Error) => {
    fault ??= error
    if (!parser) done.resolve(fault)
  })
  return { body, operations, done: done.promise, isDone: () => fault !== null || parser?.destroyed === true }
}

function guardListeners(parser: Writable, rules: UploadRules, fail: (error: Error) => void): void {
  const guard = (event: string, ask: Rule) => {
    const [listener] = parser.listeners(event) as Listener[]
    if (!listener) throw new Error(`graphql-upload-minimal no longer listens to "${event}"`)
    parser.removeAllListeners(event)
    parser.on(event, (...values: unknown[]) => {
      // A destroyed busboy still reports the parts of the chunk that it is parsing.
      if (parser.destroyed) return
      try {
        listener(...ask(...values))
      } catch (error) {
        fail(error as Error)
      }
    })
  }
  guard('field', (name, value, info) => {
    // JSON has no byte order mark, but some programs write one before all that they call UTF-8.
    const text = String(value).replace(/^\ufeff/, '')
    rules.onField(String(name), text, (info as FieldInfo).valueTruncated)
    return [name, text, info]
  })
  guard('file', (name, stream, ...more) => {
    rules.onFile(String(name), stream as Readable)
    return [name, stream, ...more]
  })
  parser.prependListener('file', (_name: string, stream: Readable) => {
    // A refused request leaves the stream without a reader, and an error without a listener would end the process.
    stream.on('error', () => {})
    if (parser.destroyed) stream.resume()
  })
  parser.once('fieldsLimit', () => {
    try {
      rules.onFurtherField()
    } catch (error) {
      fail(error as Error)
    }
  })
}
