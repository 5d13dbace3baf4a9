import { type Exchange, writeChunk } from './exchange.ts'
import { refusalOfFault } from './faults.ts'
import type { Order } from './openai-order.ts'
import type { Picture } from './picture.ts'
import { formatSize } from './size.ts'
import { beforeImage } from './studio.ts'
import { usageOfImage } from './usage.ts'

/**
 * Events of one image after another: its partial images, then `completed`. The events carry no index of the
 * image, as on the real wire. The connection is told nothing until the first picture exists, so that an input
 * that cannot be decoded is still refused by a status.
 */
export async function streamImages(order: Order): Promise<void> {
  const { exchange, images, request, fault } = order
  for (let index = 0; index < images; index++) {
    const picture = await order.work.render(index)
    for (let step = 0; step < request.partialImages; step++) {
      await sendPartial(order, picture, step)
      if (await breakStream(order)) return
    }
    if (request.partialImages === 0 && fault?.name === 'moderation-output') await breakStream(order)
    else await sendCompleted(order, picture, index)
    if (exchange.response.writableEnded || exchange.response.destroyed) return
  }
  openStream(order)
  exchange.response.end()
}

function openStream({ exchange, fault }: Order): void {
  if (exchange.response.headersSent) return
  exchange.response.writeHead(200, {
    'content-type':
      fault?.name === 'wrong-content-type' ? 'application/octet-stream' : 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
  })
}

/** After the first partial image. Says whether the stream has ended. */
async function breakStream(order: Order): Promise<boolean> {
  const { exchange, fault, request } = order
  if (fault?.name === 'cut-stream') {
    exchange.response.destroy()
    return true
  }
  if (fault?.name !== 'moderation-output') return false
  openStream(order)
  await sendEvent(exchange, 'error', refusalOfFault(fault, request.model.family)?.body)
  exchange.response.end()
  return true
}

async function sendPartial(order: Order, picture: Picture, step: number): Promise<void> {
  const { studio, exchange, work } = order
  await beforeImage(studio, exchange.signal)
  const bytes = await work.encode(picture, step)
  const type = eventType(order, 'partial_image')
  const event = { type, b64_json: bytes.toString('base64'), ...describe(order), partial_image_index: step }
  openStream(order)
  await sendEvent(exchange, type, event)
}

async function sendCompleted(order: Order, picture: Picture, index: number): Promise<void> {
  const { studio, exchange, work, fault, usage, images } = order
  await beforeImage(studio, exchange.signal)
  const bytes = await work.encode(picture)
  studio.ledger.count('images')
  const type = eventType(order, 'completed')
  const b64 = fault?.name === 'empty-data' ? '' : bytes.toString('base64')
  const billed = usage && fault?.name !== 'no-usage' ? { usage: usageOfImage(usage, index, images) } : {}
  const event = { type, b64_json: b64, ...describe(order), ...billed }
  openStream(order)
  // Without a partial image there is nothing to cut after: the event itself stops halfway.
  if (fault?.name === 'cut-stream') return await sendHalfEvent(exchange, type, event)
  await sendEvent(exchange, type, event)
}

function eventType({ request }: Order, event: string): string {
  return `${request.kind === 'edit' ? 'image_edit' : 'image_generation'}.${event}`
}

function describe({ studio, request, size }: Order) {
  return {
    created_at: Math.floor(studio.now() / 1000),
    size: formatSize(size),
    quality: request.quality,
    background: request.background,
    output_format: request.format,
  }
}

function sendEvent(exchange: Exchange, type: string, data: unknown): Promise<void> {
  return writeChunk(exchange, `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`)
}

async function sendHalfEvent(exchange: Exchange, type: string, data: unknown): Promise<void> {
  const text = JSON.stringify(data)
  await writeChunk(exchange, `event: ${type}\ndata: ${text.slice(0, text.length / 2)}`)
  exchange.response.destroy()
}
