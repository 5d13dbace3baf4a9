import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { edit, generate, hash, makePhoto, openSandbox, readImages } from './sandbox-kit.ts'

interface Frame {
  event: string
  data: Record<string, unknown> & { b64_json: string }
}

/** Only the exact framing is taken: two lines and a blank one, each ended by LF. */
function readFrames(text: string): Frame[] {
  expect(text.endsWith('\n\n')).toBe(true)
  return text
    .slice(0, -2)
    .split('\n\n')
    .map((frame) => {
      const match = /^event: ([^\n]+)\ndata: ([^\n]+)$/.exec(frame)
      expect(match, frame.slice(0, 80)).not.toBeNull()
      return { event: match?.[1] ?? '', data: JSON.parse(match?.[2] ?? '{}') }
    })
}

const now = () => 1_700_000_000_500

describe('a stream', () => {
  it('sends partial images and the completed one in the exact framing', async () => {
    const sandbox = await openSandbox({ now })
    const response = await generate(sandbox, { stream: true, partial_images: 2, size: '1024x1024' })
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    const text = (await response.text()).replaceAll(/"b64_json":"[^"]+"/g, '"b64_json":"…"')
    const described =
      '"created_at":1700000000,"size":"1024x1024","quality":"medium","background":"opaque","output_format":"png"'
    expect(text).toBe(
      `event: image_generation.partial_image
data: {"type":"image_generation.partial_image","b64_json":"…",${described},"partial_image_index":0}

event: image_generation.partial_image
data: {"type":"image_generation.partial_image","b64_json":"…",${described},"partial_image_index":1}

event: image_generation.completed
data: {"type":"image_generation.completed","b64_json":"…",${described},"usage":{"input_tokens":2,"output_tokens":1256,"total_tokens":1258,"input_tokens_details":{"text_tokens":2,"image_tokens":0}}}

`,
    )
  })

  it('names the events of an edit after edits', async () => {
    const sandbox = await openSandbox()
    const files = [{ name: 'image[]', bytes: await makePhoto(64, 64) }]
    const response = await edit(sandbox, { stream: 'true', partial_images: '1' }, files)
    const frames = readFrames(await response.text())
    expect(frames.map(({ event }) => event)).toEqual(['image_edit.partial_image', 'image_edit.completed'])
    expect(frames.map(({ data }) => data.type)).toEqual(['image_edit.partial_image', 'image_edit.completed'])
  })

  it.each(['png', 'jpeg', 'webp'])(
    'sharpens from partial to partial in full size as %s',
    async (output_format) => {
      const sandbox = await openSandbox()
      const response = await generate(sandbox, {
        stream: true,
        partial_images: 3,
        output_format,
        prompt: 'a hill',
      })
      const images = readFrames(await response.text()).map(({ data }) => Buffer.from(data.b64_json, 'base64'))
      const pixels = await Promise.all(images.map((image) => sharp(image).flatten().raw().toBuffer()))
      const final = pixels.at(-1) ?? Buffer.alloc(0)
      const distances = pixels.map((each) => {
        expect(each.length).toBe(1024 * 1024 * 3)
        return each.reduce((sum, value, at) => sum + Math.abs(value - (final[at] ?? 0)), 0)
      })
      expect(distances.toSorted((a, b) => b - a)).toEqual(distances)
      expect(distances[0]).toBeGreaterThan((distances[2] ?? 0) * 1.5)
      expect(distances[2]).toBeGreaterThan(0)
    },
  )

  it('ends with the picture the same request gets without a stream', async () => {
    const sandbox = await openSandbox()
    const [whole] = await readImages(await generate(sandbox, {}))
    const [frame] = readFrames(await (await generate(sandbox, { stream: true })).text())
    expect(hash(Buffer.from(frame?.data.b64_json ?? '', 'base64'))).toBe(hash(whole ?? Buffer.alloc(0)))
  })

  it('completes each of n images, and their usage adds up', async () => {
    const sandbox = await openSandbox()
    const response = await generate(sandbox, { stream: true, n: 2, partial_images: 1 })
    const frames = readFrames(await response.text())
    expect(frames.map(({ event }) => event.split('.')[1])).toEqual([
      'partial_image',
      'completed',
      'partial_image',
      'completed',
    ])
    const usages = frames.flatMap(({ data }) => (data.usage ? [data.usage as Record<string, number>] : []))
    const total = usages.reduce((sum, usage) => sum + (usage.total_tokens ?? 0), 0)
    expect(total).toBe(sandbox.requests()[0]?.usage?.total_tokens)
    expect(total).toBe(2 + 2 * (1056 + 100))
  })

  it('refuses a damaged input by a status and charges nothing', async () => {
    const sandbox = await openSandbox()
    const photo = await makePhoto(256, 256)
    const files = [{ name: 'image', bytes: photo.subarray(0, photo.length / 2) }]
    const response = await edit(sandbox, { stream: 'true', partial_images: '1' }, files)
    expect(response.status).toBe(400)
    expect(sandbox.requests()).toMatchObject([{ paid: false, usage: null }])
  })
})

describe('a sandbox that holds its images', () => {
  it('lets out as many as it was told, and the others when it is told to', async () => {
    const sandbox = await openSandbox()
    const letGo = sandbox.hold(1)
    const response = await generate(sandbox, { stream: true, partial_images: 2 })
    const chunks = response.body?.[Symbol.asyncIterator]()
    let text = ''
    while (!text.endsWith('\n\n')) text += Buffer.from((await chunks?.next())?.value ?? []).toString()
    expect(readFrames(text).map(({ event }) => event)).toEqual(['image_generation.partial_image'])
    const others = generate(sandbox, {})
    await sandbox.until((requests) => requests.length === 2)
    expect(sandbox.counts().images).toBe(0)
    letGo()
    expect(await readImages(await others)).toHaveLength(1)
    let rest = ''
    for (let read = await chunks?.next(); !read?.done; read = await chunks?.next()) {
      rest += Buffer.from(read?.value ?? []).toString()
    }
    expect(readFrames(rest).map(({ event }) => event)).toEqual([
      'image_generation.partial_image',
      'image_generation.completed',
    ])
  })

  it('breaks off what waits with its client', async () => {
    const sandbox = await openSandbox()
    sandbox.hold(0)
    const leaving = new AbortController()
    const response = fetch(`${sandbox.url}/v1/images/generations`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'gpt-image-1', prompt: 'a hill' }),
      signal: leaving.signal,
    })
    await sandbox.until(([first]) => first?.paid === true)
    leaving.abort()
    await expect(response).rejects.toThrow('aborted')
    await sandbox.until(([first]) => first?.outcome === 'broken')
  })
})
