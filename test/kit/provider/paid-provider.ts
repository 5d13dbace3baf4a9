import { EventEmitter, once } from 'node:events'
import sharp from 'sharp'
import { waitMs } from '../limits.ts'
import {
  type Exchange,
  type RecordedRequest,
  reply,
  replyJson,
  type Script,
  startScriptedUpstream,
  writeHead,
} from './scripted-upstream.ts'

/** A whole request for an image, as a provider would charge for it. */
export interface PaidCall {
  prompt: string
  /** Easel's own name of the attempt. */
  attemptId: string
  n: number
  /** Milliseconds of a clock that never jumps. */
  at: number
  /** False once it was refused before any work. */
  paid: boolean
}

/**
 * A provider with books of its own: it charges for a request once its whole body has arrived, whatever becomes of the
 * answer. What Easel thinks it has spent is checked against these books.
 */
export interface PaidProvider {
  url: string
  port: number
  calls: PaidCall[]
  paidFor(prompt: string): number
  /** What the next requests with this prompt get; after these, and for all others, an image. */
  answer(prompt: string, ...answers: Answer[]): void
  /** Resolves when the calls satisfy the condition. */
  until(isTrue: (calls: PaidCall[]) => boolean): Promise<void>
  openSockets(): number
  close(): Promise<void>
}

export interface Asked extends Exchange {
  call: PaidCall
}

export type Answer = (asked: Asked) => unknown

export const usage = {
  input_tokens: 10,
  output_tokens: 200,
  total_tokens: 210,
  input_tokens_details: { text_tokens: 10, image_tokens: 0 },
}

const png = await sharp({ create: { width: 64, height: 64, channels: 3, background: '#a40' } })
  .png()
  .toBuffer()
export const imageBase64 = png.toString('base64')

export async function startPaidProvider(): Promise<PaidProvider> {
  const upstream = await startScriptedUpstream()
  const calls: PaidCall[] = []
  const answers = new Map<string, Answer[]>()
  const news = new EventEmitter().setMaxListeners(0)
  upstream.script((exchange) => {
    const call = toCall(exchange.request)
    calls.push(call)
    news.emit('call')
    const answer = answers.get(call.prompt)?.shift() ?? image()
    return answer({ ...exchange, call })
  })
  return {
    url: upstream.url,
    port: upstream.port,
    calls,
    paidFor: (prompt) => calls.filter((call) => call.prompt === prompt && call.paid).length,
    answer: (prompt, ...given) => void answers.set(prompt, given),
    until: async (isTrue) => {
      const signal = AbortSignal.timeout(waitMs)
      while (!isTrue(calls)) await once(news, 'call', { signal })
    },
    openSockets: upstream.openSockets,
    close: upstream.close,
  }
}

function toCall({ headers, body }: RecordedRequest): PaidCall {
  const text = body.toString('utf8')
  const isJson = headers['content-type']?.includes('json')
  const fields = isJson ? JSON.parse(text) : { prompt: formField(text, 'prompt'), n: formField(text, 'n') }
  return {
    prompt: String(fields.prompt),
    attemptId: headers['x-client-request-id'] ?? '',
    n: Number(fields.n ?? 1),
    at: performance.now(),
    paid: true,
  }
}

function formField(text: string, name: string): string | undefined {
  return new RegExp(`name="${name}"\r\n\r\n(.*?)\r\n`, 's').exec(text)?.[1]
}

export const body = (n: number, more: object = {}) => ({
  created: 1_700_000_000,
  data: Array.from({ length: n }, () => ({ b64_json: imageBase64 })),
  size: '1024x1024',
  quality: 'low',
  usage,
  ...more,
})

/** What every good provider says. */
export function image(more: object = {}): Answer {
  return (asked) =>
    replyJson(body(asked.call.n, more), { headers: { 'x-request-id': `up-${asked.call.attemptId}` } })(asked)
}

/** An answer after another thing has happened. */
export function after(moment: Promise<unknown>, answer: Answer = image()): Answer {
  return async (asked) => {
    await moment
    return answer(asked)
  }
}

/** Refused before any work, so nothing is charged. */
export function refuse(status: number, headers: Record<string, string> = {}): Answer {
  return (asked) => {
    asked.call.paid = false
    const error = { message: 'Not now', code: status === 429 ? 'rate_limit_exceeded' : 'refused' }
    return replyJson({ error }, { status, headers })(asked)
  }
}

/** Fails after the work. */
export function fail(status: number): Answer {
  return reply('{"error":{"message":"It broke"}}', { status, contentType: 'application/json' }) as Answer
}

export const reset: Answer = ({ reset: cut }) => cut()
export const silence: Answer = () => {}

/** The answer as it comes, cut by a reset after a share of it. */
export function cutAfter(share: number): Answer {
  return async ({ call, write, reset: cut }) => {
    const text = JSON.stringify(body(call.n))
    await write(
      writeHead({
        contentType: 'application/json',
        headers: { 'content-length': String(Buffer.byteLength(text)) },
      }),
    )
    await write(text.slice(0, Math.floor(text.length * share)))
    cut()
  }
}

/** A stream of events with partial images. Without `end` it is cut before the event that tells the usage. */
export function stream({ partials, end }: { partials: number; end: boolean }): Answer {
  return async ({ write, end: close }) => {
    await write(writeHead({ contentType: 'text/event-stream' }))
    for (let index = 0; index < partials; index++) {
      const event = {
        type: 'image_generation.partial_image',
        b64_json: imageBase64,
        partial_image_index: index,
      }
      await write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
    }
    const event = { type: 'image_generation.completed', b64_json: imageBase64, usage }
    if (end) await write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
    close()
  }
}

export type { Script }
