import { readFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { usage } from '../kit/upstream/image-replies.ts'
import { answerBench } from './answer-bench.ts'
import { listen } from './listen.ts'

/*
 * A provider of OpenAI's dialect that costs next to nothing: it makes its answers once, and does not look at requests.
 */

/** How requests are answered from now on. */
export interface ProviderScript {
  /** With partial images, as events. */
  streams: boolean
  /** Before the reply, or before each event. */
  pauseMs: number
}

export interface ProviderOptions {
  /** Files. */
  image: string
  partials: string[]
}

const options = JSON.parse(process.argv[2] ?? '') as ProviderOptions
const readBase64 = (file: string) => readFileSync(file, 'base64')
const image = { b64_json: readBase64(options.image) }
const reply = Buffer.from(JSON.stringify({ created: 1_700_000_000, data: [image], usage }))
const events = [
  ...options.partials.map((file, index) =>
    writeEvent('image_edit.partial_image', { b64_json: readBase64(file), partial_image_index: index }),
  ),
  writeEvent('image_edit.completed', { ...image, usage }),
]

function writeEvent(type: string, fields: object): Buffer {
  return Buffer.from(`event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`)
}

let script: ProviderScript = { streams: false, pauseMs: 0 }
let calls = 0

async function answer(response: ServerResponse): Promise<void> {
  const { streams, pauseMs } = script
  if (streams) return sendEvents(response, pauseMs)
  if (pauseMs > 0) await pause(pauseMs)
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': reply.length })
  response.end(reply)
}

async function sendEvents(response: ServerResponse, pauseMs: number): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
  for (const event of events) {
    await pause(pauseMs)
    response.write(event)
  }
  response.end()
}

const server = createServer((request, response) => {
  calls++
  request.resume().once('end', () => void answer(response))
})
// Targets keep connections between the cells.
server.keepAliveTimeout = 0

/** Whatever it is told, it answers how many calls have come. */
answerBench<ProviderScript | 'calls', number>(await listen(server), (question) => {
  if (question !== 'calls') script = question
  return calls
})
