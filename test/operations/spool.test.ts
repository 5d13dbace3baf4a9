import { createHash, randomUUID } from 'node:crypto'
import { readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { pino } from 'pino'
import sharp from 'sharp'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { ImageRequest } from '../../src/catalogue/image-request.ts'
import { emptyInput } from '../../src/catalogue/operation-input.ts'
import { toRequestParameters } from '../../src/catalogue/request-parameters.ts'
import { createGate } from '../../src/images/gate.ts'
import { receiveImage, stageFile } from '../../src/images/staging.ts'
import { createImageSinks, type ReceivedImage } from '../../src/operations/call/received-image.ts'
import { createSpool, type Spool } from '../../src/operations/keep/spool.ts'
import { ProviderFailure } from '../../src/providers/failure.ts'
import type { Providers } from '../../src/providers/providers.ts'
import type { ReplyEvent } from '../../src/providers/reply.ts'
import { hangMs } from '../kit/limits.ts'
import { openProviders } from '../kit/rooms/open-providers.ts'
import { makeFolder, removeFolder } from '../kit/temporary-folder.ts'
import { writeHead } from '../kit/upstream/replies.ts'
import { type ScriptedUpstream, startScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'

/** Noise, so that it is as large as its pixels: three pieces of the pool and a bit. */
const picture = await sharp({
  create: {
    width: 512,
    height: 512,
    channels: 3,
    background: 'black',
    noise: { type: 'gaussian', mean: 128, sigma: 60 },
  },
})
  .png()
  .toBuffer()
const base64 = picture.toString('base64')
const sha256 = createHash('sha256').update(picture).digest('hex')
const attemptId = 'attempt-1'

let upstream: ScriptedUpstream
let providers: Providers
let folder: string
let spool: Spool

beforeAll(async () => {
  upstream = await startScriptedUpstream()
  providers = openProviders([{ name: 'up', preset: 'openai', baseUrl: `${upstream.url}/v1` }])
})
afterAll(async () => {
  await providers.close()
  await upstream.close()
})
beforeEach(async () => {
  folder = await makeFolder()
  spool = createSpool({ folder: join(folder, 'spool'), log })
})
afterEach(() => removeFolder(folder))

/** No fault of the disk is expected. */
const log = pino(
  { level: 'warn' },
  {
    write: (line) => {
      throw new Error(line)
    },
  },
)

const staging = () => ({
  folder: join(folder, 'staging'),
  limits: { maxPixels: 1_000_000, maxEdge: 4_096 },
  gate: createGate({ slots: 1, maxWaiting: 1 }),
  newId: randomUUID,
})

function openSinks(writer: Awaited<ReturnType<Spool['open']>> | null) {
  const images = {
    receive: (options: Parameters<typeof receiveImage>[1]) => receiveImage(staging(), options),
    stageFile: (file: Parameters<typeof stageFile>[1], options: Parameters<typeof stageFile>[2]) =>
      stageFile(staging(), file, options),
  }
  return createImageSinks({ images, maxImageBytes: 10_000_000 }, new AbortController().signal, writer)
}

/** What a caller makes of a reply: its events, with the digests of images, and its end. */
async function tell(events: AsyncIterable<ReplyEvent<ReceivedImage>>): Promise<unknown[]> {
  const told: unknown[] = []
  try {
    for await (const event of events) {
      if (event.type === 'responded') continue
      told.push('image' in event ? { ...event, image: await tellImage(event.image) } : event)
    }
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error
    told.push([error.certainty, error.reason])
  }
  return JSON.parse(JSON.stringify(told))
}

async function tellImage(image: ReceivedImage): Promise<unknown> {
  if (!('staged' in image)) return 'refused' in image ? image.refused.message : image.lost
  const found = createHash('sha256')
    .update(await readFile(image.staged.path))
    .digest('hex')
  expect(image.staged.sha256).toBe(found)
  await image.staged.discard()
  return found
}

interface Sent {
  body: string | Uint8Array
  contentType?: string
  headers?: Record<string, string>
  /** The length of the pieces that the upstream writes. */
  step?: number
  n?: number
  partialImages?: number
  stream?: boolean
}

const requestOf = ({ n = 1, partialImages = 0, stream = false }: Sent): ImageRequest => ({
  ...toRequestParameters('GENERATE', emptyInput),
  model: 'gpt-image-2',
  prompt: 'noise',
  images: [],
  mask: null,
  endUser: null,
  n,
  partialImages,
  stream,
})
const modelOf = () => providers.find('up/gpt-image-2') ?? expect.unreachable()

/** Receives a reply into the spool. Without an end its writer is closed, as at the end of a process. */
async function receive(sent: Sent): Promise<unknown[]> {
  const { contentType = 'application/json', headers, step = 50_000 } = sent
  const bytes = Buffer.from(sent.body as string)
  upstream.script(async ({ write, end }) => {
    await write(writeHead({ contentType, headers: headers ?? {} }))
    for (let at = 0; at < bytes.length; at += step) await write(bytes.subarray(at, at + step))
    end()
  })
  const writer = await spool.open(attemptId)
  const events = providers.call(modelOf(), requestOf(sent), {
    signal: new AbortController().signal,
    totalTimeoutMs: hangMs,
    idleTimeoutMs: hangMs,
    clientRequestId: attemptId,
    passage: providers.health('up').accompany(),
    onSend: async () => {},
    spool: writer,
    openSink: openSinks(writer),
  })
  const told = await tell(events)
  await writer.close()
  return told
}

async function replay(sent: Sent): Promise<unknown[]> {
  const reply = (await spool.find(attemptId)) ?? expect.unreachable()
  return tell(providers.replay(modelOf(), requestOf(sent), reply.read(), openSinks(null)))
}

/** The reply without its head, as it is read from the spool. */
async function readBody(): Promise<string> {
  const reply = (await spool.find(attemptId)) ?? expect.unreachable()
  const text = Buffer.concat(await Array.fromAsync(reply.read())).toString()
  return text.slice(text.indexOf('\n') + 1)
}

const spooledNames = async () => (await readdir(join(folder, 'spool'))).sort()
const readSpooled = (name: string) => readFile(join(folder, 'spool', `${attemptId}.${name}`))

const jsonOf = (...texts: string[]) =>
  `{"created":1,"data":[${texts.map((text) => `{"b64_json":"${text}"}`).join(',')}],"usage":{"output_tokens":3}}`
const eventOf = (type: string, text: string) =>
  `event: ${type}\ndata: {"type":"${type}","b64_json":"${text}","usage":{"output_tokens":3}}\n\n`
const partialAndResult =
  eventOf('image_generation.partial_image', base64) + eventOf('image_generation.completed', base64)
const events = { contentType: 'text/event-stream', stream: true, partialImages: 1 }

/** Enough for what is not a picture. */
const envelopeBytes = 2_000

describe('a spooled reply', () => {
  const replies: [name: string, sent: Sent, images: number][] = [
    ['JSON', { body: jsonOf(base64) }, 1],
    ['JSON in pieces of odd lengths', { body: jsonOf(base64), step: 4_099 }, 1],
    ['several images', { body: jsonOf(base64, base64), n: 2 }, 2],
    ['events', { body: partialAndResult, ...events }, 2],
    ['a data: address', { body: jsonOf(`data:image/png;base64,${base64}`) }, 1],
    ['base64 without padding', { body: jsonOf(base64.replace(/=+$/, '')) }, 1],
  ]

  test.each(replies)('has each image decoded, once, and is read as it came: %s', async (_, sent, images) => {
    const received = await receive(sent)
    expect(received.at(-1)).toMatchObject({ type: 'completed' })
    expect(received.filter((event) => JSON.stringify(event).includes(sha256))).toHaveLength(images)
    const names = Array.from({ length: images }, (_each, number) => `${attemptId}.image-${number}`)
    expect(await spooledNames()).toEqual([...names, `${attemptId}.reply`])
    for (let number = 0; number < images; number++)
      expect(await readSpooled(`image-${number}`)).toEqual(picture)
    expect((await readSpooled('reply')).length).toBeLessThan(envelopeBytes)
    expect(await readBody()).toBe(sent.body)
    expect(await replay(sent)).toEqual(received)
  })

  test.each([
    ['line breaks', base64.replace(/.{76}/g, '$&\\r\\n')],
    ['escaped slashes', base64.replaceAll('/', '\\/')],
    ['unicode escapes', base64.replaceAll('+', '\\u002B')],
    ['the url-safe alphabet', Buffer.from(picture).toString('base64url')],
  ])('may have its base64 in another way, with the same image: %s', async (_, text) => {
    for (const step of [50_000, 8_191]) {
      const sent = { body: jsonOf(text), step }
      const received = await receive(sent)
      expect(received).toMatchObject([{ type: 'image', image: sha256 }, { type: 'completed' }])
      expect((await readSpooled('reply')).length).toBeLessThan(envelopeBytes * 5)
      expect(await replay(sent)).toEqual(received)
    }
  })

  test.each([
    ['a foreign character', `${base64.slice(0, 500_001)}!${base64.slice(500_001)}`],
    ['a foreign character near the beginning', `${base64.slice(0, 100)}!${base64.slice(100)}`],
    ['text after the padding', `${base64.slice(0, 500_001)}=A${base64.slice(500_001)}`],
    ['a single character left over', `${base64.slice(0, 500_001)}`],
  ])('keeps the text of an image that is not base64: %s', async (_, text) => {
    for (const step of [50_000, 8_191]) {
      const sent = { body: jsonOf(text, base64), n: 2, step }
      const received = await receive(sent)
      expect(received).toMatchObject([
        { type: 'imageFailed', failure: { reason: 'UPSTREAM_INVALID_RESULT' } },
        { type: 'image', image: sha256 },
        { type: 'completed' },
      ])
      expect(await readBody()).toBe(sent.body)
      expect(await replay(sent)).toEqual(received)
    }
  })

  test('keeps what is no picture until it is removed', async () => {
    const text = Buffer.alloc(600_000, 'no picture').toString('base64')
    const sent = { body: jsonOf(text) }
    const received = await receive(sent)
    expect(received[0]).toMatchObject({ type: 'image', image: expect.stringMatching(/./) })
    expect(await readBody()).toBe(sent.body)
    expect(await replay(sent)).toEqual(received)
    await spool.remove(attemptId)
    expect(await spooledNames()).toEqual([])
  })

  test.each([
    ['in an image', jsonOf(base64, base64).slice(0, base64.length + 300_000)],
    ['between images', jsonOf(base64, base64).slice(0, base64.length + 38)],
  ])('that was cut %s has the images that were whole', async (_, body) => {
    const sent = { body, n: 2 }
    const received = await receive(sent)
    expect(received).toMatchObject([
      { type: 'image', image: sha256 },
      ['UNKNOWN', 'UPSTREAM_OUTCOME_UNKNOWN'],
    ])
    expect(await spooledNames()).toContain(`${attemptId}.part`)
    expect(sent.body.startsWith(await readBody())).toBe(true)
    expect(await replay(sent)).toEqual(received)
  })

  test('has an event on disk before the event is acted on', async () => {
    const onDisk: boolean[] = []
    const writer = await spool.open(attemptId)
    upstream.script(async ({ write, end }) => {
      await write(writeHead({ contentType: 'text/event-stream' }))
      await write(partialAndResult)
      end()
    })
    const calls = providers.call(modelOf(), requestOf({ body: '', ...events }), {
      signal: new AbortController().signal,
      totalTimeoutMs: hangMs,
      idleTimeoutMs: hangMs,
      clientRequestId: attemptId,
      passage: providers.health('up').accompany(),
      onSend: async () => {},
      spool: writer,
      openSink: openSinks(writer),
    })
    for await (const { type } of calls) {
      await writer.flush()
      if (type !== 'partialImage' && type !== 'image') continue
      const told = await replay({ body: '', ...events })
      onDisk.push(told.some((event) => (event as { type?: string }).type === type))
    }
    expect(onDisk).toEqual([true, true])
    await writer.close()
  })

  test('ends where the file of an image ends, as after a crash', async () => {
    const sent = { body: jsonOf(base64) }
    await receive(sent)
    await truncate(join(folder, 'spool', `${attemptId}.image-0`), 300_000)
    expect(await replay(sent)).toEqual([['UNKNOWN', 'UPSTREAM_OUTCOME_UNKNOWN']])
    expect(sent.body.startsWith(await readBody())).toBe(true)
  })

  test('has a body as it came where that is encoded', async () => {
    const sent = { body: gzipSync(jsonOf(base64)), headers: { 'content-encoding': 'gzip' } }
    const received = await receive(sent)
    expect(received).toMatchObject([{ type: 'image', image: sha256 }, { type: 'completed' }])
    expect(await replay(sent)).toEqual(received)
  })

  test('of an earlier version is read', async () => {
    const sent = { body: jsonOf(base64) }
    const received = await receive(sent)
    const head = '{"status":200,"headers":{"content-type":"application/json"}}'
    await spool.remove(attemptId)
    await writeFile(join(folder, 'spool', `${attemptId}.reply`), `${head}\n${sent.body}`)
    expect(await replay(sent)).toEqual(received)
  })
})
