import { type Exchange, sendText, writeChunk } from './exchange.ts'
import { refusalOfFault } from './faults.ts'
import { startWork } from './image-job.ts'
import type { ImageRequest } from './image-request.ts'
import { breakOff, openEntry, takeFault } from './intake.ts'
import { shortenParameters } from './ledger.ts'
import type { ImageKind } from './models.ts'
import { type Inputs, judge, readAsked } from './openai-body.ts'
import type { Order } from './openai-order.ts'
import { streamImages } from './openai-stream.ts'
import { chooseSize, formatSize } from './size.ts'
import { beforeImage, openSpool, type Studio } from './studio.ts'
import { countUsage } from './usage.ts'

export async function serveImages(studio: Studio, exchange: Exchange, kind: ImageKind): Promise<void> {
  await using spool = await openSpool(studio.folder)
  const entry = openEntry(studio, exchange, kind)
  const { maxBodyBytes, ledger } = studio
  const asked = await readAsked(exchange, { kind, folder: spool.folder, maxBodyBytes })
  ledger.note(entry, {
    parameters: shortenParameters(asked.parameters.raw()),
    files: asked.files.map(({ path: _, ...file }) => file),
  })
  const { request, inputs } = await judge(kind, asked)
  const order = await takeOrder({ studio, exchange, request, inputs })
  const { fault, usage } = order
  const paid = fault?.paid ?? true
  ledger.note(entry, {
    model: request.model.id,
    n: request.n,
    fault: fault?.name ?? null,
    paid,
    usage: paid ? usage : null,
  })
  if (await breakOff(studio, exchange, fault)) return
  refuseByFault(order)
  if (request.stream) await streamImages(order)
  else await sendImages(order)
}

/** A picture blocked after it was drawn is told inside a stream, so there the fault is left to it. */
function refuseByFault({ fault, request }: Order): void {
  if (!fault || (fault.name === 'moderation-output' && request.stream)) return
  const refusal = refusalOfFault(fault, request.model.family)
  if (refusal) throw refusal
}

interface TakeOptions {
  studio: Studio
  exchange: Exchange
  request: ImageRequest
  inputs: Inputs
}

async function takeOrder({ studio, exchange, request, inputs }: TakeOptions): Promise<Order> {
  const { model, prompt, n, partialImages, quality, highFidelity } = request
  const size = request.size === 'auto' ? chooseSize(model, inputs.images[0]) : request.size
  const fault = takeFault(studio, exchange, { isPaidRoute: true, prompt })
  const images = fault?.name === 'fewer' ? n - 1 : n
  const usage = countUsage({
    ...{ model, prompt, quality, highFidelity, size, images, partialImages },
    inputs: inputs.images,
  })
  const work = await startWork({ request, inputs, size, signal: exchange.signal, slots: studio.slots })
  return { studio, exchange, request, size, images, usage, fault, work }
}

async function sendImages(order: Order): Promise<void> {
  const { exchange, fault } = order
  const body = JSON.stringify(await makeBody(order))
  if (fault?.name === 'cut-stream') return await sendHalf(exchange, body)
  const contentType = fault?.name === 'wrong-content-type' ? 'text/plain' : 'application/json'
  sendText(exchange, body, { contentType })
}

async function makeBody(order: Order): Promise<object> {
  const { studio, request, size, images, usage, fault } = order
  const data: object[] = []
  for (let index = 0; index < images && fault?.name !== 'empty-data'; index++) {
    await beforeImage(studio, order.exchange.signal)
    data.push(await makeItem(order, index))
  }
  const created = Math.floor(studio.now() / 1000)
  if (request.model.family === 'dall-e') return { created, data }
  return {
    created,
    background: request.background,
    output_format: request.format,
    quality: request.quality,
    size: formatSize(size),
    data,
    ...(fault?.name === 'no-usage' ? {} : { usage }),
  }
}

async function makeItem({ studio, exchange, request, work }: Order, index: number): Promise<object> {
  const bytes = await work.encode(await work.render(index))
  studio.ledger.count('images')
  const revised =
    request.model.id === 'dall-e-3' ? { revised_prompt: `A detailed picture of: ${request.prompt}` } : {}
  if (request.responseFormat === 'b64_json') return { ...revised, b64_json: bytes.toString('base64') }
  const name = await studio.files.keep(bytes)
  return { ...revised, url: `http://${exchange.request.headers.host}/files/${name}` }
}

async function sendHalf(exchange: Exchange, body: string): Promise<void> {
  exchange.response.writeHead(200, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  })
  await writeChunk(exchange, body.slice(0, body.length / 2))
  exchange.response.destroy()
}
