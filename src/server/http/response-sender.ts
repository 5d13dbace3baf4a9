import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { fileOf } from '../../images/file-body.ts'
import { releasePiece } from '../../piece-pool.ts'
import type { ServerLimits } from '../server-limits.ts'
import type { Exchange } from './exchange.ts'

type SendLimits = Pick<ServerLimits, 'stallTimeoutMs' | 'lingerBytes' | 'lingerMs'>

export interface SendOptions {
  exchange: Pick<Exchange, 'bodyWanted'> | null
  incoming: IncomingMessage
  outgoing: ServerResponse
  response: Response
  limits: SendLimits
  /** Ends the connection after this answer. */
  close: boolean
}

/** A client that nobody knows may not send more than this. */
const strangerBytes = 512 * 1024

/**
 * Writes a response as fast as the client reads it, and no faster. Resolves when it is out or the client is gone.
 */
export async function sendResponse(options: SendOptions): Promise<void> {
  const { incoming, outgoing, response, limits } = options
  const isUnread = !incoming.complete
  outgoing.statusCode = response.status
  for (const [name, value] of response.headers) outgoing.appendHeader(name, value)
  if (options.close || isUnread) outgoing.setHeader('connection', 'close')
  if (incoming.method === 'HEAD') await response.body?.cancel()
  else if (isInMemory(response)) writeWhole(outgoing, Buffer.from(await response.arrayBuffer()))
  else if (response.body) await send(response.body, outgoing, limits.stallTimeoutMs)
  if (isUnread && !isSilent(options)) {
    if (response.status === 401) await lingerAfter(incoming, limits)
    else await linger({ incoming, ...limits })
  }
  outgoing.end()
}

/** Nothing more comes of a client that waits for "100 Continue", and too little of one whose body was too slow (408). */
function isSilent({ exchange, incoming, response }: SendOptions): boolean {
  return response.status === 408 || (!exchange?.bodyWanted && incoming.headers.expect !== undefined)
}

/** Whether the response was made from a string, so that its length can be sent. */
function isInMemory({ headers, body }: Response): boolean {
  const type = headers.get('content-type') ?? ''
  if (body && fileOf(body)) return false
  return body === null || /^(application\/(graphql-response\+)?json|text\/plain|text\/html)/.test(type)
}

function writeWhole(outgoing: ServerResponse, body: Buffer): void {
  if (!outgoing.hasHeader('content-length') && outgoing.statusCode !== 204) {
    outgoing.setHeader('content-length', body.length)
  }
  if (body.length > 0) outgoing.write(body)
  else outgoing.flushHeaders()
}

function send(body: ReadableStream<Uint8Array>, outgoing: ServerResponse, stallMs: number): Promise<void> {
  const file = fileOf(body)
  return file ? pour(file, outgoing, stallMs) : pump(body, outgoing, stallMs)
}

/** A file's length is known, so the response ends with its last byte: a client that has it may leave at once. */
async function pour(file: Readable, outgoing: ServerResponse, stallTimeoutMs: number): Promise<void> {
  let left = Number(outgoing.getHeader('content-length'))
  const cancel = () => void file.destroy()
  outgoing.once('close', cancel)
  outgoing.flushHeaders()
  try {
    for await (const chunk of file) {
      left -= chunk.length
      if (left === 0) {
        outgoing.end(chunk)
        await settled(outgoing, 'finish', stallTimeoutMs)
        if (outgoing.writableFinished) releasePiece(chunk)
        return
      }
      if (!outgoing.write(chunk, onceSent(chunk))) await settled(outgoing, 'drain', stallTimeoutMs)
      if (outgoing.destroyed) return
    }
    throw new Error('A file is shorter than its response')
  } catch {
    // The file broke in the middle: only a cut connection tells the client that this is not all.
    outgoing.destroy()
  } finally {
    outgoing.off('close', cancel)
    cancel()
  }
}

/** Of bytes that could not be sent the system may still hold the address. */
const onceSent = (chunk: Uint8Array) => (error?: Error | null) => {
  if (!error) releasePiece(chunk)
}

async function pump(
  body: ReadableStream<Uint8Array>,
  outgoing: ServerResponse,
  stallTimeoutMs: number,
): Promise<void> {
  const reader = body.getReader()
  const cancel = () => void reader.cancel().catch(() => {})
  outgoing.once('close', cancel)
  outgoing.flushHeaders()
  try {
    while (!outgoing.destroyed) {
      const { done, value } = await reader.read()
      if (done) return
      if (!outgoing.write(value, onceSent(value))) await settled(outgoing, 'drain', stallTimeoutMs)
    }
  } catch {
    // The source failed in the middle: only a cut connection shows the client that the body is incomplete.
    outgoing.destroy()
  } finally {
    outgoing.off('close', cancel)
    cancel()
  }
}

/** Cuts the connection of a client that has read nothing for this long. */
function settled(outgoing: ServerResponse, event: 'drain' | 'finish', stallTimeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    // A client that left before the first byte has no event to come.
    if (outgoing.destroyed) return resolve()
    const finish = () => {
      clearTimeout(timer)
      outgoing.off(event, finish).off('close', finish)
      resolve()
    }
    const timer = setTimeout(() => {
      outgoing.destroy()
      finish()
    }, stallTimeoutMs)
    outgoing.once(event, finish).once('close', finish)
  })
}

interface LingerOptions {
  incoming: IncomingMessage
  lingerBytes: number
  lingerMs: number
}

/** Swallows the rest of a stranger's body. */
export function lingerAfter(
  incoming: IncomingMessage,
  { lingerBytes, lingerMs }: Pick<SendLimits, 'lingerBytes' | 'lingerMs'>,
): Promise<void> {
  return linger({ incoming, lingerMs, lingerBytes: Math.min(strangerBytes, lingerBytes) })
}

/**
 * Swallows the rest of a body that was refused, within limits. Closing a socket with unread bytes resets it, and a reset
 * takes the answer from a client that writes first and reads afterwards, as most do.
 */
function linger({ incoming, lingerBytes, lingerMs }: LingerOptions): Promise<void> {
  return new Promise((resolve) => {
    let swallowed = 0
    const count = (chunk: Buffer) => {
      swallowed += chunk.length
      if (swallowed >= lingerBytes) finish()
    }
    const finish = () => {
      clearTimeout(timer)
      incoming.off('data', count).off('end', finish).off('close', finish).pause()
      resolve()
    }
    const timer = setTimeout(finish, lingerMs)
    incoming.on('data', count).once('end', finish).once('close', finish).resume()
  })
}
