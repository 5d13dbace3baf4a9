import type { Readable } from 'node:stream'
import type { FileUpload, Upload } from 'graphql-upload-minimal'
import type { GraphQLParams } from 'graphql-yoga'
import { EaselError } from '../../errors.ts'
import type { StagedImage, StageOptions } from '../../images/staging.ts'
import { isRecord } from '../../is-record.ts'
import type { ReasonOf } from '../../reasons/reasons.ts'
import type { Exchange } from '../http/exchange.ts'
import { type JsonLimits, parseJson } from '../http/json-limits.ts'
import { watchRate } from '../http/rate-watch.ts'
import { bodyTooLarge, bodyTooSlow, checkBodyHeaders } from '../http/request-body.ts'
import type { ServerLimits } from '../server-limits.ts'
import { type GuardedUpload, parseGuarded } from './guarded-upload.ts'
import { type FileMap, fieldOf, getAt, parseFileMap, setAt } from './multipart-map.ts'
import type { UploadShare } from './upload-shares.ts'
import { UploadedFile } from './uploaded-file.ts'

/** Streams one upload to where it is kept, and throws an `EaselError` for what is not an image. */
export type StageUpload = (source: Readable, options: StageOptions) => Promise<StagedImage>

export interface MultipartOptions {
  stage: StageUpload
  limits: ServerLimits
  userId: string
  share: Pick<UploadShare, 'take'>
  onBytes?(count: number): void
}

export interface MultipartRequest {
  params: GraphQLParams
  files: UploadedFile[]
}

/**
 * Receives a request of the GraphQL multipart request specification, all of it, before its operation starts: a body
 * that turns out to be broken at its last byte has bought nothing, and how the network cut it into pieces makes no
 * difference. Every file is staged while it arrives, so no order of use can deadlock.
 *
 * - A broken body fails the whole request, and whatever was staged is discarded.
 * - A refused file ends the reading at once, but not the request: the operation runs, so that the answer can say
 *   which input it was. The files that were not read fail with the same error.
 */
export async function receiveMultipart(
  exchange: Exchange,
  options: MultipartOptions,
): Promise<MultipartRequest> {
  const boundary = readBoundary(exchange.request.headers)
  checkBodyHeaders(exchange.request.headers, options.limits.maxRequestBytes)
  const reception = new Reception(boundary, options, exchange.signal)
  const disconnect = reception.connect(exchange.openBody())
  try {
    return await reception.complete()
  } catch (error) {
    await reception.discard(error)
    throw error
  } finally {
    disconnect()
  }
}

class Reception {
  readonly #options: MultipartOptions
  readonly #upload: GuardedUpload
  readonly #stop = new AbortController()
  readonly #signal: AbortSignal
  readonly #files = new Map<string, UploadedFile>()
  readonly #arrived = new Set<string>()
  readonly #staging: Promise<void>[] = []
  readonly #refused = Promise.withResolvers<void>()
  #refusal: { name: string; error: unknown } | undefined
  #operations: Record<string, unknown> | undefined
  #map: FileMap | undefined

  constructor(boundary: string, options: MultipartOptions, signal: AbortSignal) {
    this.#options = options
    this.#signal = AbortSignal.any([signal, this.#stop.signal])
    const { maxFiles, maxJsonBytes, maxUploadBytes } = options.limits
    // Busboy calls a value of exactly the limit truncated already, hence the one byte more.
    const limits = { maxFiles, maxFieldSize: maxJsonBytes + 1, maxFileSize: maxUploadBytes + 1 }
    this.#upload = parseGuarded(boundary, limits, {
      onField: (name, value, truncated) => this.#readField(name, value, truncated),
      onFile: (name, stream) => this.#expectFile(name, stream),
      onFurtherField: () => this.#refuseField(),
    })
  }

  /** Lets the body flow in; returns what stops it. The source itself survives, the answer still goes out on its socket. */
  connect(source: Readable): () => void {
    const { limits, share, onBytes } = this.#options
    const { body } = this.#upload
    const watch = watchRate({
      limits,
      isWaiting: () => !body.writableNeedDrain,
      onTooSlow: () => body.destroy(bodyTooSlow()),
    })
    let received = 0
    const take = (length: number) => {
      try {
        share.take(length)
      } catch (error) {
        body.destroy(error as Error)
      }
    }
    const count = ({ length }: Buffer) => {
      received += length
      watch.add(length)
      onBytes?.(length)
      if (received > limits.maxRequestBytes) body.destroy(bodyTooLarge(limits.maxRequestBytes))
      else if (!body.destroyed) take(length)
    }
    const cut = () => {
      if (!source.readableEnded)
        body.destroy(fault('UPLOAD_TRUNCATED', 'The request ended before its body did'))
    }
    source.on('data', count).once('error', cut).once('close', cut)
    source.pipe(body)
    return () => {
      watch.stop()
      source.unpipe(body).off('data', count).off('close', cut)
      source.pause()
    }
  }

  async complete(): Promise<MultipartRequest> {
    const { operations, done, isDone } = this.#upload
    const params = await operations.catch(async () => {
      this.#failWith(await done)
      throw malformed('The request needs the fields "operations" and "map"')
    })
    this.#stageFiles(params as Record<string, unknown>)
    await Promise.race([done, this.#refused.promise])
    if (this.#refusal && !isDone()) this.#skipRest(this.#refusal)
    else this.#failWith(await done)
    await Promise.all(this.#staging)
    return { params: params as GraphQLParams, files: [...this.#files.values()] }
  }

  async discard(error: unknown): Promise<void> {
    this.#upload.body.destroy(error as Error)
    this.#stop.abort(error)
    await Promise.all(this.#staging)
    for (const file of this.#files.values()) {
      file.reject(error)
      await file.discard()
    }
  }

  #readField(name: string, value: string, truncated: boolean): void {
    if (truncated) {
      const allowed = this.#options.limits.maxJsonBytes
      const details = { reason: 'FIELD_TOO_LARGE', allowed } as const
      throw new EaselError('PAYLOAD_TOO_LARGE', `A multipart field is larger than ${allowed} bytes`, details)
    }
    if (name === 'operations' && !this.#operations)
      this.#operations = parseOperations(value, this.#options.limits)
    else if (name === 'map' && this.#operations && !this.#map) {
      this.#map = parseFileMap(value, this.#operations, this.#options.limits)
    } else throw malformed('Send the field "operations", then "map", then the files, each of them once')
  }

  #expectFile(name: string, stream: Readable): void {
    if (!this.#map) throw refuseEarlyFile(name)
    const paths = this.#map.get(name)
    if (!paths) throw fault('UPLOAD_UNEXPECTED', 'The request carries a file that "map" does not name')
    if (this.#arrived.has(name)) throw fault('UPLOAD_DUPLICATED', 'A file was sent twice', fieldOf(paths))
    this.#arrived.add(name)
    const tooLarge = fileTooLarge(this.#options.limits.maxUploadBytes, fieldOf(paths))
    stream.once('limit', () => this.#upload.body.destroy(tooLarge))
  }

  /** A part with a content type alone is a field to the parser, and its bytes are lost. */
  #refuseField(): never {
    const missing = [...(this.#map ?? [])].filter(([name]) => !this.#arrived.has(name))
    const [first] = missing
    if (!first) throw malformed('There are more fields than "operations" and "map"')
    const names = missing.slice(0, 3).map(([name]) => JSON.stringify(name.slice(0, 40)))
    const words = `A part has no filename, so it is not a file: send ${names.join(', ')} with a filename`
    throw fault('MULTIPART_MALFORMED', words, missing.length === 1 ? fieldOf(first[1]) : undefined)
  }

  /** Replaces the library's files by Easel's, and stages each as soon as it arrives. */
  #stageFiles(operations: Record<string, unknown>): void {
    for (const [name, paths] of this.#map ?? []) {
      const [first] = paths
      if (!first) continue
      const { promise } = getAt(operations, first) as Upload
      const file = new UploadedFile()
      this.#files.set(name, file)
      for (const path of paths) setAt(operations, path, file)
      promise.then((arrived) => this.#staging.push(this.#stageFile(name, file, arrived))).catch(() => {})
    }
  }

  async #stageFile(name: string, file: UploadedFile, arrived: FileUpload): Promise<void> {
    try {
      const { stage, limits, userId } = this.#options
      const options = { maxBytes: limits.maxUploadBytes, userId, signal: this.#signal }
      file.resolve(await stage(arrived.createReadStream(), options))
    } catch (error) {
      file.reject(this.#refusal ? this.#shared(this.#refusal) : error)
      this.#refusal ??= { name, error }
      this.#refused.resolve()
    }
  }

  #skipRest(refusal: { name: string; error: unknown }): void {
    const error = this.#shared(refusal)
    this.#upload.body.destroy(error as Error)
    for (const [name, file] of this.#files) if (!this.#arrived.has(name)) file.reject(error)
  }

  /** The refusal as the other files report it: pointing at the file that was refused. */
  #shared({ name, error }: { name: string; error: unknown }): unknown {
    return error instanceof EaselError ? error.at(fieldOf(this.#map?.get(name) ?? []) ?? '') : error
  }

  #failWith(error: Error | null): void {
    if (error instanceof EaselError) throw error
    if (error) {
      // Busboy's errors differ in their text only. At the end of the input, something was missing.
      throw this.#upload.body.writableEnded
        ? fault('UPLOAD_TRUNCATED', 'The multipart body ends too early', undefined, error)
        : malformed('The multipart body cannot be parsed', error)
    }
    for (const [name, paths] of this.#map ?? []) {
      if (!this.#arrived.has(name))
        throw fault('UPLOAD_MISSING', 'A file named in "map" was not sent', fieldOf(paths))
    }
  }
}

/** RFC 2046 ends a boundary at 70 of these characters; longer ones have made parsers loop (CVE-2026-19484). */
function readBoundary(headers: Headers): string {
  const parameter = /;\s*boundary=(?:"([^"]*)"|([^;\s]*))/i.exec(headers.get('content-type') ?? '')
  const boundary = parameter?.[1] ?? parameter?.[2] ?? ''
  if (/^[\w'()+,./:=? -]{1,70}$/.test(boundary)) return boundary
  throw malformed('The multipart boundary must have 1 to 70 plain characters')
}

function parseOperations(text: string, limits: JsonLimits): Record<string, unknown> {
  const operations = parseJson({
    text,
    limits,
    malformed: (cause) => malformed('The field "operations" is not valid JSON', cause),
  })
  if (isRecord(operations)) return operations
  throw malformed('The field "operations" must be one JSON object')
}

function refuseEarlyFile(name: string): EaselError {
  if (name !== 'operations' && name !== 'map')
    return malformed('The files must follow the fields "operations" and "map"')
  const words = `"${name}" was sent as a file: send it as a field, without a filename and as application/json`
  return malformed(words)
}

function malformed(message: string, cause?: unknown): EaselError {
  return fault('MULTIPART_MALFORMED', message, undefined, cause)
}

function fault(
  reason: ReasonOf<'BAD_USER_INPUT'>,
  message: string,
  field?: string,
  cause?: unknown,
): EaselError {
  return new EaselError('BAD_USER_INPUT', message, { reason, field }, { cause })
}

function fileTooLarge(allowed: number, field?: string): EaselError {
  const details = { reason: 'IMAGE_TOO_LARGE', allowed, field, hint: 'RESIZE' } as const
  return new EaselError('PAYLOAD_TOO_LARGE', `A file is larger than ${allowed} bytes`, details)
}
