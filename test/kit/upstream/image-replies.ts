import sharp from 'sharp'
import type { Script } from './exchange.ts'
import { reply, replyJson, writeHead } from './replies.ts'

/* What a provider of OpenAI's dialect says. */

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

export const body = (n: number, more: object = {}) => ({
  created: 1_700_000_000,
  data: Array.from({ length: n }, () => ({ b64_json: imageBase64 })),
  size: '1024x1024',
  quality: 'low',
  usage,
  ...more,
})

/** What every good provider says. */
export function image(more: object = {}): Script {
  return (exchange) =>
    replyJson(body(exchange.call.n, more), { headers: { 'x-request-id': `up-${exchange.call.attemptId}` } })(
      exchange,
    )
}

/** An answer after another thing has happened. */
export function after(moment: Promise<unknown>, answer: Script = image()): Script {
  return async (exchange) => {
    await moment
    return answer(exchange)
  }
}

/** Refused before any work, so nothing is charged. */
export function refuse(status: number, headers: Record<string, string> = {}): Script {
  return (exchange) => {
    exchange.call.paid = false
    const error = { message: 'Not now', code: status === 429 ? 'rate_limit_exceeded' : 'refused' }
    return replyJson({ error }, { status, headers })(exchange)
  }
}

/** Fails after the work. */
export function fail(status: number): Script {
  return reply('{"error":{"message":"It broke"}}', { status, contentType: 'application/json' })
}

/** The answer as it comes, cut by a reset after a share of it. */
export function cutAfter(share: number): Script {
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
export function stream({ partials, end }: { partials: number; end: boolean }): Script {
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
