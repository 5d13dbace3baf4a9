import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { type Exchange, sendText } from './exchange.ts'
import { breakOff, takeFault } from './intake.ts'
import type { Studio } from './studio.ts'

export async function sendKeptFile(studio: Studio, exchange: Exchange, name: string): Promise<void> {
  const fault = takeFault(studio, exchange, { isPaidRoute: false })
  if (await breakOff(studio, exchange, fault)) return
  const file = studio.files.find(name)
  const found = file && (await stat(file.path).catch(() => undefined))
  if (!file || !found)
    return sendText(exchange, 'Not found or expired\n', { status: 404, contentType: 'text/plain' })
  const contentType = fault?.name === 'wrong-content-type' ? 'application/octet-stream' : file.mimeType
  exchange.response.writeHead(200, { 'content-type': contentType, 'content-length': found.size })
  if (exchange.request.method === 'HEAD') {
    exchange.response.end()
    return
  }
  if (fault?.name !== 'cut-stream') {
    await pipeline(createReadStream(file.path), exchange.response, { signal: exchange.signal })
    return
  }
  await pipeline(createReadStream(file.path, { end: Math.floor(found.size / 2) }), exchange.response, {
    end: false,
  })
  exchange.response.destroy()
}
