import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { accepted, ended } from '../kit/client/operation-client.ts'
import { shareTestBed } from '../kit/gateway/shared-bed.ts'
import type { TestBed } from '../kit/gateway/test-bed.ts'
import type { Script } from '../kit/upstream/exchange.ts'
import {
  after as answerAfter,
  body,
  cutAfter,
  fail,
  image,
  imageBase64,
} from '../kit/upstream/image-replies.ts'
import { reset, silence, writeHead } from '../kit/upstream/replies.ts'
import { firstDeadline, withDeadline } from './passing-deadline.ts'
import { expectUnknown, providerNames, type Ran, startRuns } from './runs.ts'

const megabyte = 1024 * 1024
/** A reply may have 256 MB, one event of it 64: neither is ever held whole. */
const maxGrowth = 128 * megabyte

describe('an upstream', () => {
  const bed = shareTestBed({ database: 'embedded', names: providerNames })
  const { run } = startRuns(bed)

  describe('that breaks off', () => {
    const breaks: [string, Script][] = [
      ['UPS-01: by a reset before the answer', reset],
      ['UPS-02: by a reset within the answer', cutAfter(0.5)],
      [
        'UPS-02: within chunks',
        async ({ write, end }) => {
          const headers = { 'transfer-encoding': 'chunked' }
          await write(writeHead({ contentType: 'application/json', headers }))
          await write('5\r\n{"dat\r\n')
          end()
        },
      ],
      ['UPS-05: with a 500', fail(500)],
      ['UPS-05: with a 502 of a proxy', fail(502)],
    ]
    for (const [name, answer] of breaks) {
      test(`${name} is never asked twice`, async () => {
        const { operation, asked } = await run([answer])
        expectUnknown(operation)
        expect(asked).toBe(1)
      })
    }

    test('UPS-02: with JSON that stops is never asked twice either, and says so as a failure', async () => {
      const { operation, asked } = await run([halfJson])
      expect(operation).toMatchObject({
        status: 'FAILED',
        error: { reason: expect.stringMatching(/^UPSTREAM_/) },
      })
      expect(asked).toBe(1)
    })

    test('UPS-05: does not get the request again after two 500s either', async () => {
      const { asked } = await run([fail(500), fail(500), image()])
      expect(asked).toBe(1)
    })
  })

  test('UPS-07: that sends partial images without end shows those that were asked for', async () => {
    const { operation } = await run([endlessPartials], { partialImages: 2 })
    expect(operation).toMatchObject({
      status: 'FAILED',
      error: { reason: expect.stringMatching(/^UPSTREAM_/) },
    })
    const { data } = await bed.gateway.graphql<{ operation: { metadata: { partialImages: number } } }>(
      'query ($id: ID!) { operation(id: $id) { metadata { partialImages } } }',
      { id: operation.id },
    )
    expect(data.operation.metadata.partialImages).toBe(2)
  })

  describe('that says too much', () => {
    const tooMuch: [string, Script][] = [
      ['UPS-08: in one body', endless({ contentType: 'application/json' }, '{"data":[{"b64_json":"', 'A')],
      ['UPS-08: in one line of a stream', endless({ contentType: 'text/event-stream' }, 'data: "', 'A')],
      ['UPS-08: once it is inflated', gzipBomb],
    ]
    for (const [name, answer] of tooMuch) {
      test(`${name} is cut off, and takes no more memory than it may`, async () => {
        // What the first operation of a process loads is no matter of this one.
        await run([image()])
        const { rssBytes: restBytes } = await bed.gateway.vitals()
        const { operation, asked } = await run([answer])
        expect(operation).toMatchObject({
          status: 'FAILED',
          error: { reason: 'UPSTREAM_RESPONSE_TOO_LARGE' },
        })
        expect(asked).toBe(1)
        const { peakRssBytes } = await bed.gateway.vitals()
        expect(peakRssBytes - restBytes).toBeLessThan(maxGrowth)
      })
    }

    test('UPS-08: under fifty encodings is not unpacked', async () => {
      const { operation } = await run([
        async ({ write, end }) => {
          const headers = { 'content-encoding': Array(50).fill('gzip').join(', '), 'content-length': '2' }
          await write(writeHead({ contentType: 'application/json', headers }))
          await write('{}')
          end()
        },
      ])
      expect(operation).toMatchObject({ status: 'FAILED', error: { reason: 'UPSTREAM_INVALID_RESPONSE' } })
    })
  })
})

describe('an upstream that does not come to an end', () => {
  /** No more hands than there are calls without an end. */
  const concurrentOperations = 3
  let ends: { silence: Ran; drip: Ran; comments: Ran; closed: Promise<void> }
  const bed = shareTestBed(
    { database: 'embedded', names: providerNames, limits: { concurrentOperations, ...firstDeadline } },
    {
      prepare: async (opened) => {
        ends = await comeToDeadlines(opened)
      },
    },
  )

  /** All at once, as each of them only waits; null if one was not called before its deadline. */
  const comeToDeadlines = (opened: TestBed) => {
    const { run } = startRuns(opened)
    return withDeadline(opened, { concurrentOperations }, async () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      const hangUp: Script = (asked) => {
        asked.socket.once('close', () => resolve())
        return silence(asked)
      }
      const [silent, dripping, talking] = await Promise.all([
        run([hangUp]),
        run([drip({ contentType: 'application/json', pieces: jsonPieces, everyMs: 500 })]),
        run([drip({ contentType: 'text/event-stream', pieces: comments, everyMs: 100 })], {
          partialImages: 1,
        }),
      ])
      if ([silent, dripping, talking].some(({ asked }) => asked === 0)) return null
      return { silence: silent, drip: dripping, comments: talking, closed: promise }
    })
  }

  test('UPS-03: by silence is left at the deadline, with its socket', async () => {
    expectUnknown(ends.silence.operation)
    await ends.closed
  })

  test('UPS-06: by a drip that is never quite idle is left at the deadline', () => {
    expectUnknown(ends.drip.operation)
  })

  test('UPS-07: by comments alone is left at the deadline', () => {
    expectUnknown(ends.comments.operation)
  })

  test('UPS-03, UPS-06, UPS-07: after that all hands are free again', async () => {
    const together = Promise.withResolvers<void>()
    const prompts = Array.from({ length: concurrentOperations }, (_, at) => `a lighthouse again ${at}`)
    for (const prompt of prompts) bed.provider.answer(prompt, answerAfter(together.promise))
    const model = `${providerNames.at(-1)}/gpt-image-2`
    const ids = await Promise.all(prompts.map((prompt) => accepted(bed.gateway, { prompt, model })))
    await bed.provider.until((calls) =>
      prompts.every((prompt) => calls.some((call) => call.prompt === prompt)),
    )
    together.resolve()
    const operations = await Promise.all(ids.map((id) => ended(bed.gateway, id)))
    expect(operations.map(({ status }) => status)).toEqual(prompts.map(() => 'SUCCEEDED'))
  })
})

const jsonPieces = Array<string>(10_000).fill(' ')
const comments = Array<string>(10_000).fill(': still here\n\n')

const halfJson: Script = async ({ write, end }) => {
  const half = JSON.stringify(body(1)).slice(0, 200)
  await write(writeHead({ contentType: 'application/json', headers: { 'content-length': `${half.length}` } }))
  await write(half)
  end()
}

const endlessPartials: Script = async ({ write, socket }) => {
  await write(writeHead({ contentType: 'text/event-stream' }))
  const event = { type: 'image_generation.partial_image', b64_json: imageBase64, partial_image_index: 0 }
  const text = `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
  while (!socket.destroyed) await write(text.repeat(20)).catch(() => {})
}

const gzipBomb: Script = async ({ write, end }) => {
  const bomb = gzipSync(Buffer.alloc(300 * megabyte, '{"data":["'), { level: 1 })
  const headers = { 'content-encoding': 'gzip', 'content-length': String(bomb.length) }
  await write(writeHead({ contentType: 'application/json', headers }))
  await write(bomb)
  end()
}

function endless(head: { contentType: string }, opening: string, letter: string): Script {
  return async ({ write, socket }) => {
    await write(writeHead(head))
    await write(opening)
    const piece = letter.repeat(megabyte)
    while (!socket.destroyed) await write(piece).catch(() => {})
  }
}

/** Pieces that come one by one, until nobody listens any more: the pauses are what is tested. */
function drip(reply: { contentType: string; pieces: string[]; everyMs: number }): Script {
  return async ({ write, socket }) => {
    await write(writeHead({ contentType: reply.contentType }))
    for (const piece of reply.pieces) {
      if (socket.destroyed) return
      await write(piece).catch(() => {})
      await new Promise((resolve) => setTimeout(resolve, reply.everyMs))
    }
  }
}
