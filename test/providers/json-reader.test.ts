import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ImageSlot } from '../../src/providers/transport/image-slot.ts'
import { JsonReader, JsonTooLarge, MalformedJson } from '../../src/providers/transport/json-reader.ts'
import { pixel, pixelBase64 } from './call-kit.ts'

function openReader(maxTextBytes = 100_000) {
  const opened: string[] = []
  const reader = new JsonReader<Buffer>({
    imageKeys: ['b64_json'],
    addressKeys: ['url'],
    maxTextBytes,
    openImage: (place) => {
      opened.push(JSON.stringify(place))
      const chunks: Uint8Array[] = []
      return {
        write: async (chunk) => {
          chunks.push(Buffer.from(chunk))
        },
        end: async () => Buffer.concat(chunks),
        abort: async () => {},
      }
    },
  })
  return { reader, opened }
}

/** The documents with each image in its place, or the fault of an image as a text. */
async function read(pieces: (string | Uint8Array)[], maxTextBytes?: number): Promise<unknown[]> {
  const { reader } = openReader(maxTextBytes)
  for (const piece of pieces) await reader.write(Buffer.from(piece))
  const documents = [...reader.end()]
  return Promise.all(documents.map(resolveImages))
}

async function resolveImages(value: unknown): Promise<unknown> {
  if (value instanceof ImageSlot) {
    if (value.isEmpty) return 'empty'
    const finished = await value.finish()
    return finished ? (finished as { image: Buffer }).image : `fault: ${value.fault?.constructor.name}`
  }
  if (Array.isArray(value)) return Promise.all(value.map(resolveImages))
  if (typeof value !== 'object' || value === null) return value
  const entries = await Promise.all(
    Object.entries(value).map(async ([key, each]) => [key, await resolveImages(each)]),
  )
  return Object.fromEntries(entries)
}

const everyByte = (text: string) => [...Buffer.from(text)].map((byte) => Uint8Array.of(byte))

describe('the JSON reader', () => {
  test('gives the same whatever the pieces', async () => {
    const text = `{"created":1,"data":[{"b64_json":"${pixelBase64}","revised_prompt":"роза 🌹 \\"x\\""},{"url":"https:\\/\\/a\\/b"}]}`
    const expected = [
      { created: 1, data: [{ b64_json: pixel, revised_prompt: 'роза 🌹 "x"' }, { url: 'https://a/b' }] },
    ]
    expect(await read([text])).toEqual(expected)
    expect(await read(everyByte(text))).toEqual(expected)
    for (let at = 1; at < text.length; at += 7) {
      const bytes = Buffer.from(text)
      expect(await read([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(expected)
    }
  })

  test.each([
    ['a data: address in b64_json', `{"b64_json":"data:image/png;base64,${pixelBase64}"}`],
    [
      'an escaped data: address',
      `{"b64_json":"data:image\\/png;base64,${pixelBase64.replaceAll('/', '\\/')}"}`,
    ],
    ['white space', `{"b64_json":"${pixelBase64.slice(0, 7)}\\n ${pixelBase64.slice(7)}\\r\\n"}`],
    ['the url-safe alphabet', `{"b64_json":"${pixel.toString('base64url')}"}`],
    ['escaped slashes', `{"b64_json":"${pixelBase64.replaceAll('/', '\\/')}"}`],
    [
      'unicode escapes',
      `{"b64_json":"${pixelBase64.replaceAll('=', '\\u003d').replaceAll('+', '\\u002B')}"}`,
    ],
    ['missing padding', `{"b64_json":"${pixelBase64.replaceAll('=', '')}"}`],
    ['an escape among the first characters', `{"b64_json":"\\u0069${pixelBase64.slice(1)}"}`],
  ])('decodes %s', async (_, text) => {
    expect(await read([text])).toEqual([{ b64_json: pixel }])
    expect(await read(everyByte(text))).toEqual([{ b64_json: pixel }])
  })

  test('decodes a data: address in url and keeps any other', async () => {
    const text = `[{"url":"data:image/png;base64,${pixelBase64}"},{"url":"/files/1.png"},{"url":"abc"},{"url":""}]`
    expect(await read([text])).toEqual([
      [{ url: pixel }, { url: '/files/1.png' }, { url: 'abc' }, { url: '' }],
    ])
  })

  test('keeps an address that stands where base64 belongs', async () => {
    expect(await read(['{"b64_json":"https://example.com/a.png"}'])).toEqual([
      { b64_json: 'https://example.com/a.png' },
    ])
  })

  test.each([
    ['no base64 at all', '{"b64_json":"<html>"}'],
    ['text after the padding', '{"b64_json":"AAAA=AAA"}'],
    ['a single character left over', '{"b64_json":"AAAAA"}'],
    ['a data: address without base64', '{"b64_json":"data:image/svg+xml,abcd"}'],
  ])('names the fault of %s and reads on', async (_, text) => {
    expect(await read([text])).toEqual([{ b64_json: 'fault: InvalidBase64' }])
  })

  test('takes an empty image and null for none', async () => {
    expect(await read(['[{"b64_json":""},{"b64_json":null}]'])).toEqual([
      [{ b64_json: 'empty' }, { b64_json: null }],
    ])
  })

  test('tells where an image stands, and its type if it came before', async () => {
    const { reader, opened } = openReader()
    await reader.write(Buffer.from(`{"data":[{},{"type":"x","b64_json":"${pixelBase64}"}]}`))
    expect(opened).toEqual(['{"type":"x","index":1}'])
  })

  test('reads documents that follow each other', async () => {
    expect(await read(['{"a":1}\n{"b":', '[2]} 3'])).toEqual([{ a: 1 }, { b: [2] }, 3])
  })

  test.each(['null', '"text"', '12.5e3', ' true ', '[]', '{"__proto__":{"x":1}}'])(
    'reads %s like JSON.parse',
    async (text) => {
      expect(JSON.stringify(await read(everyByte(text)))).toBe(JSON.stringify([JSON.parse(text)]))
    },
  )

  test('reads any JSON like JSON.parse, in any pieces', async () => {
    await fc.assert(
      fc.asyncProperty(fc.json({ maxDepth: 4 }), fc.integer({ min: 1, max: 9 }), async (text, step) => {
        const bytes = Buffer.from(text)
        const pieces = Array.from({ length: Math.ceil(bytes.length / step) }, (_, at) =>
          bytes.subarray(at * step, (at + 1) * step),
        )
        expect(JSON.stringify(await read(pieces))).toBe(JSON.stringify([JSON.parse(text)]))
      }),
      { numRuns: 200 },
    )
  })

  test.each(['{"a":1', '{"a" 1}', '[1,]', '{"b64_json":"AAAA', '{"a":tru e}', ']', '{]', '{"a":"\n"}'])(
    'refuses %s',
    async (text) => {
      await expect(read([text])).rejects.toThrow(MalformedJson)
    },
  )

  test('never quotes the text in its error', async () => {
    await expect(read(['{"prompt":"a secret rose", oops}'])).rejects.toThrow(/^The JSON is malformed$/)
  })

  test('refuses a document that is large without its images, or too deep', async () => {
    await expect(read([`{"a":"${'x'.repeat(2000)}"}`], 1000)).rejects.toThrow(JsonTooLarge)
    await expect(read(['['.repeat(100_000)])).rejects.toThrow(JsonTooLarge)
    const image = 'A'.repeat(40_000)
    expect(await read([`{"b64_json":"${image}"}`], 1000)).toHaveLength(1)
  })

  test('does not count white space that pads a slow reply', async () => {
    expect(await read([' \n'.repeat(5000), '{"a":1}'], 1000)).toEqual([{ a: 1 }])
  })
})
