import { releasePiece } from '../../src/piece-pool.ts'
import { hangMs } from '../kit/limits.ts'
import { openProviders } from '../kit/rooms/open-providers.ts'
import { writeHead } from '../kit/upstream/replies.ts'
import { startScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'
import { makeRequest, noImages } from './call-kit.ts'

/*
 * Receives four images of 45 MB of base64 and prints by how much its memory rose. Both ends run in this process, so
 * the server sends one small piece again and again.
 */

const form = process.argv[2] ?? 'json'
const images = 4
const piece = Buffer.alloc(60_000, 'QUJD')
const pieces = 750
const [open, between, close] =
  form === 'json'
    ? ['{"data":[{"b64_json":"', '"},{"b64_json":"', '"}]}']
    : [
        'data: {"type":"image_edit.completed","b64_json":"',
        '"}\n\ndata: {"type":"image_edit.completed","b64_json":"',
        '"}\n\n',
      ]

const upstream = await startScriptedUpstream()
upstream.script(async ({ write, end }) => {
  await write(writeHead({ contentType: form === 'json' ? 'application/json' : 'text/event-stream' }))
  for (let image = 0; image < images; image++) {
    await write(image === 0 ? open : between)
    for (let sent = 0; sent < pieces; sent++) await write(piece)
  }
  await write(close)
  end()
})

const providers = openProviders([{ name: 'up', preset: 'openai', baseUrl: `${upstream.url}/v1` }])
const model = providers.find('up/gpt-image-2')
if (!model) throw new Error('no model')

let peak = 0
let bytes = 0
let count = 0
const look = () => {
  peak = Math.max(peak, process.memoryUsage.rss())
}
globalThis.gc?.()
const before = process.memoryUsage.rss()
const events = providers.call<number>(model, makeRequest({ n: images, stream: form === 'events' }), {
  signal: new AbortController().signal,
  totalTimeoutMs: hangMs,
  idleTimeoutMs: hangMs,
  clientRequestId: 'attempt-1',
  passage: providers.health('up').accompany(),
  onSend: async () => {},
  spool: { write: async () => look(), writeImage: noImages, end: async () => {} },
  openSink: () => ({
    write: async (chunk) => {
      bytes += chunk.length
      releasePiece(chunk)
    },
    end: async () => 0,
    abort: async () => {},
  }),
})
for await (const { type } of events) if (type === 'image') count += 1
await providers.close()
await upstream.close()
process.stdout.write(
  JSON.stringify({ images: count, bytes, riseMb: Math.round((peak - before) / 1024 / 1024) }),
)
