import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EventStreamReader, EventStreamTooLarge } from '../../src/providers/transport/event-stream-reader.ts'
import { parse as parseReference } from './event-stream-reference.ts'

interface Seen {
  name: string | null
  value: unknown
  isDone?: boolean
  isCut?: boolean
}

async function* chunksOf(pieces: (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield Buffer.from(piece)
}

async function read(
  pieces: (string | Uint8Array)[],
  limits = { maxEventBytes: 10_000, maxEvents: 100 },
): Promise<Seen[]> {
  const json = { imageKeys: ['b64_json'], addressKeys: [], openImage: () => null, maxTextBytes: 100_000 }
  const reader = new EventStreamReader({ json, ...limits })
  const seen: Seen[] = []
  for await (const { name, values, isDone, isCut } of reader.read(chunksOf(pieces))) {
    seen.push({ name, value: values?.[0] ?? null, ...(isDone && { isDone }), ...(isCut && { isCut }) })
  }
  return seen
}

const everyByte = (text: string) => [...Buffer.from(text)].map((byte) => Uint8Array.of(byte))

describe('the event stream reader', () => {
  test.each([
    ['LF', '\n'],
    ['CR', '\r'],
    ['CRLF', '\r\n'],
  ])('takes lines that end with %s, in any pieces', async (_, end) => {
    const text = [': ping', 'event: a', 'data: {"x":"ж"}', '', 'data:{"y":2}', 'id: 7', '', ''].join(end)
    const expected = [
      { name: 'a', value: { x: 'ж' } },
      { name: null, value: { y: 2 } },
    ]
    expect(await read([text])).toEqual(expected)
    expect(await read(everyByte(text))).toEqual(expected)
  })

  test('drops a byte order mark, also one in pieces', async () => {
    const text = '\ufeffdata: 1\n\n'
    expect(await read([text])).toEqual([{ name: null, value: 1 }])
    expect(await read(everyByte(text))).toEqual([{ name: null, value: 1 }])
  })

  test('joins several data lines', async () => {
    expect(await read(everyByte('data: {"x":\ndata: 1}\n\n'))).toEqual([{ name: null, value: { x: 1 } }])
  })

  test('takes the event name after the data', async () => {
    expect(await read(['data: 1\nevent: late\n\n'])).toEqual([{ name: 'late', value: 1 }])
  })

  test('tells [DONE]', async () => {
    expect(await read(['data: [DONE]\n\n'])).toEqual([{ name: null, value: null, isDone: true }])
  })

  test('takes a last event without its blank line if it is whole, and says so if it is cut', async () => {
    expect(await read(['event: a\ndata: {"x":1}'])).toEqual([{ name: 'a', value: { x: 1 } }])
    expect(await read(['event: a\ndata: {"x":'])).toEqual([{ name: 'a', value: null, isCut: true }])
  })

  test('leaves out data that is no JSON', async () => {
    expect(await read(['data: hello\n\ndata: }{\n\ndata: 1\n\n'])).toEqual([
      { name: null, value: null },
      { name: null, value: null },
      { name: null, value: 1 },
    ])
  })

  test('ignores comments, unknown fields and lines without a colon, however long', async () => {
    const long = 'x'.repeat(50_000)
    expect(await read([`:${long}\n${long}: y\n${long}\nretry: 5\n\ndata: 1\n\n`])).toEqual([
      { name: null, value: 1 },
    ])
  })

  test('refuses an event that is too large, and too many of them', async () => {
    await expect(read([`data: "${'x'.repeat(20_000)}"\n\n`])).rejects.toThrow(EventStreamTooLarge)
    await expect(read(['data: 1\n\n'.repeat(101)])).rejects.toThrow(EventStreamTooLarge)
    await expect(read([`event: ${'x'.repeat(300)}\n`])).rejects.toThrow(EventStreamTooLarge)
  })

  test('agrees with a plain reading of the rules for any lines and any pieces', async () => {
    const line = fc.oneof(
      fc.constantFrom(
        '',
        '',
        ': note',
        'event: a',
        'event:b',
        'data: 1',
        'data:[',
        'data: 2]',
        'id: 3',
        'data',
        'data: {"k":"v"}',
      ),
    )
    const end = fc.constantFrom('\n', '\r', '\r\n')
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(line, end)), fc.integer({ min: 1, max: 5 }), async (lines, step) => {
        const text = lines.flat().join('')
        const bytes = Buffer.from(text)
        const pieces = Array.from({ length: Math.ceil(bytes.length / step) }, (_, at) =>
          bytes.subarray(at * step, (at + 1) * step),
        )
        const [seen, reference] = [await read(pieces), parseReference(text)]
        expect(seen.map(({ name }) => name)).toEqual(reference.map(({ name }) => name))
        // Two documents in one event are no JSON by the rules; they are read all the same.
        for (const [index, { value }] of reference.entries())
          if (value !== null) expect(seen[index]?.value).toEqual(value)
      }),
      { numRuns: 500 },
    )
  })
})
