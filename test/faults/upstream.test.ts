import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestGateway, type TestGateway } from '../kit/gateway.ts'
import { writeHead } from '../kit/scripted-upstream.ts'
import { canaries, checkInvariants } from './invariants.ts'
import {
  type Answer,
  body,
  cutAfter,
  fail,
  image,
  imageBase64,
  type PaidProvider,
  refuse,
  reset,
  silence,
  startPaidProvider,
  usage,
} from './paid-provider.ts'
import { ended, generate, lookInto, makeFolder, type OperationAnswer, removeFolder } from './scene.ts'
import { until } from './until.ts'

/** Each case has a provider of its own: one that keeps failing is paused, and one that says "later" is left alone. */
const names = Array.from({ length: 40 }, (_, index) => `p${index}`)
/** What never ends is waited for in a gateway of its own, with little patience. */
const hastyTimeoutMs = 4_000

let provider: PaidProvider
let patient: TestGateway
let hasty: TestGateway
const folders: string[] = []
let nextName = 0

async function openGateway(operationTimeoutMs: number): Promise<TestGateway> {
  const folder = await makeFolder()
  folders.push(folder)
  const entries = names.map(
    (name) =>
      `  - { name: ${name}, preset: openai, apiKey: ${canaries[0]}, baseUrl: "${provider.url}/v1", models: [gpt-image-2] }`,
  )
  const file = `
providers:
${entries.join('\n')}
limits: { operationTimeoutMs: ${operationTimeoutMs}, concurrentOperations: 40 }`
  return startTestGateway({ folder, file })
}

beforeAll(async () => {
  provider = await startPaidProvider()
  patient = await openGateway(25_000)
  hasty = await openGateway(hastyTimeoutMs)
})

afterAll(async () => {
  await provider.close()
  await Promise.all(folders.map(removeFolder))
})
// Runs before the one above, which then runs whatever is found here.
afterAll(async () => {
  for (const gateway of [patient, hasty]) {
    await gateway[Symbol.asyncDispose]()
    const { folder, logged } = gateway
    const calls = (await attemptsIn(folder)).flatMap((id) =>
      provider.calls.filter((call) => call.attemptId === id),
    )
    const output = logged.map((line) => JSON.stringify(line))
    await lookInto({ folder }, ({ prisma }) =>
      checkInvariants({ prisma, provider: { calls }, folders: [folder], output }),
    )
  }
})

const attemptsIn = (folder: string) =>
  lookInto({ folder }, async ({ prisma }) =>
    (await prisma.attempt.findMany({ select: { id: true } })).map(({ id }) => id),
  )

async function run(answers: Answer[], more: Record<string, unknown> = {}, gateway = patient) {
  const name = names[nextName++]
  const prompt = `a lighthouse on ${name}`
  provider.answer(prompt, ...answers)
  const { data, errors } = await generate(gateway as never, { prompt, ...more, model: `${name}/gpt-image-2` })
  expect(errors).toBeUndefined()
  const startedAt = performance.now()
  const operation = await ended(gateway as never, data.generateImage.id)
  const asked = provider.calls.filter((call) => call.prompt === prompt)
  return { operation, ms: performance.now() - startedAt, asked: asked.length, paid: provider.paidFor(prompt) }
}

const unknown = (operation: OperationAnswer) =>
  expect(operation).toMatchObject({
    status: 'FAILED',
    response: null,
    error: { reason: 'UPSTREAM_OUTCOME_UNKNOWN' },
  })

describe.concurrent('an upstream that breaks off', () => {
  const breaks: [string, Answer][] = [
    ['UPS-01: by a reset before the answer', reset],
    ['UPS-02: by a reset within the answer', cutAfter(0.5)],
    [
      'UPS-02: within chunks',
      async ({ write, end }) => {
        await write(
          writeHead({ contentType: 'application/json', headers: { 'transfer-encoding': 'chunked' } }),
        )
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
      unknown(operation)
      expect(asked).toBe(1)
    })
  }

  test('UPS-02: with JSON that stops is never asked twice either, and says so as a failure', async () => {
    const text = JSON.stringify(body(1))
    const { operation, asked } = await run([
      async ({ write, end }) => {
        const half = text.slice(0, 200)
        await write(
          writeHead({ contentType: 'application/json', headers: { 'content-length': `${half.length}` } }),
        )
        await write(half)
        end()
      },
    ])
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

describe.concurrent('an upstream that does not come to an end', () => {
  test('UPS-03: by silence is left at the deadline, with its socket', async () => {
    let closed = Promise.resolve()
    const { operation, ms } = await run(
      [
        (asked) => {
          closed = new Promise((resolve) => asked.socket.once('close', () => resolve()))
          return silence(asked)
        },
      ],
      {},
      hasty,
    )
    unknown(operation)
    expect(ms).toBeLessThan(hastyTimeoutMs + 5_000)
    await closed
  })

  test('UPS-06: by a drip that is never quite idle is left at the deadline', async () => {
    const { operation, ms } = await run(
      [
        async ({ write, socket }) => {
          await write(writeHead({ contentType: 'application/json' }))
          for (const letter of '{"created": 1700000000, "data": [') {
            if (socket.destroyed) return
            await write(letter)
            await new Promise((resolve) => setTimeout(resolve, 500))
          }
        },
      ],
      {},
      hasty,
    )
    unknown(operation)
    expect(ms).toBeLessThan(hastyTimeoutMs + 5_000)
  })

  test('UPS-07: by comments alone is left at the deadline', async () => {
    const { operation } = await run(
      [
        async ({ write, socket }) => {
          await write(writeHead({ contentType: 'text/event-stream' }))
          while (!socket.destroyed) {
            await write(': still here\n\n').catch(() => {})
            await new Promise((resolve) => setTimeout(resolve, 100))
          }
        },
      ],
      { partialImages: 1 },
      hasty,
    )
    unknown(operation)
  })

  test('UPS-07: by partial images without end shows those that were asked for', async () => {
    const { operation } = await run(
      [
        async ({ write, socket }) => {
          await write(writeHead({ contentType: 'text/event-stream' }))
          const event = {
            type: 'image_generation.partial_image',
            b64_json: imageBase64,
            partial_image_index: 0,
          }
          const text = `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
          while (!socket.destroyed) await write(text.repeat(20)).catch(() => {})
        },
      ],
      { partialImages: 2 },
    )
    expect(operation).toMatchObject({
      status: 'FAILED',
      error: { reason: expect.stringMatching(/^UPSTREAM_/) },
    })
    const { data } = await patient.graphql<{ operation: { metadata: { partialImages: number } } }>(
      'query ($id: ID!) { operation(id: $id) { metadata { partialImages } } }',
      { id: operation.id },
    )
    expect(data.operation.metadata.partialImages).toBe(2)
  })
})

describe('an upstream that says too much', () => {
  const tooMuch: [string, Answer][] = [
    ['UPS-08: in one body', endless({ contentType: 'application/json' }, '{"data":[{"b64_json":"', 'A')],
    ['UPS-08: in one line of a stream', endless({ contentType: 'text/event-stream' }, 'data: "', 'A')],
    [
      'UPS-08: once it is inflated',
      async ({ write, end }) => {
        const bomb = gzipSync(Buffer.alloc(300 * 1024 * 1024, '{"data":["'), { level: 1 })
        const headers = { 'content-encoding': 'gzip', 'content-length': String(bomb.length) }
        await write(writeHead({ contentType: 'application/json', headers }))
        await write(bomb)
        end()
      },
    ],
  ]
  for (const [name, answer] of tooMuch) {
    test(`${name} is cut off`, { timeout: 60_000 }, async () => {
      const before = process.memoryUsage.rss()
      const { operation, asked } = await run([answer])
      expect(operation).toMatchObject({ status: 'FAILED', error: { reason: 'UPSTREAM_RESPONSE_TOO_LARGE' } })
      expect(asked).toBe(1)
      expect(process.memoryUsage.rss() - before).toBeLessThan(500 * 1024 * 1024)
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

function endless(head: { contentType: string }, opening: string, letter: string): Answer {
  return async ({ write, socket }) => {
    await write(writeHead(head))
    await write(opening)
    const piece = letter.repeat(1024 * 1024)
    while (!socket.destroyed) await write(piece).catch(() => {})
  }
}

describe.concurrent('an upstream that says "later"', () => {
  test('UPS-04: is asked again, and not earlier than it said', async () => {
    const { operation, ms, asked, paid } = await run([refuse(429, { 'retry-after': '1' })])
    expect(operation).toMatchObject({ status: 'SUCCEEDED', metadata: { attempts: 2 } })
    expect(ms).toBeGreaterThanOrEqual(1_000)
    expect({ asked, paid }).toEqual({ asked: 2, paid: 1 })
  })

  test('UPS-04: beyond the deadline is told to the caller', async () => {
    const { operation, asked } = await run([refuse(429, { 'retry-after': '3600' })])
    expect(operation).toMatchObject({
      status: 'FAILED',
      error: { reason: 'RATE_LIMITED', retryAfterMs: 3_600_000 },
    })
    expect(asked).toBe(1)
  })

  test('UPS-04: by a date is asked after that date', async () => {
    const date = new Date(Date.now() + 2_000).toUTCString()
    const { operation } = await run([refuse(429, { 'retry-after': date })])
    expect(operation.status).toBe('SUCCEEDED')
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(date))
  })

  test.each(['abc', '-5', '1e9', ''])(
    'UPS-04: in nonsense (%j) gets a pause of our own',
    async (retryAfter) => {
      const { operation, asked } = await run([refuse(429, { 'retry-after': retryAfter })])
      expect(operation.status).toBe('SUCCEEDED')
      expect(asked).toBe(2)
    },
  )

  test('a Retry-After holds back the other operations of the provider, not only the one that was told', async () => {
    const name = names[nextName++] as string
    const prompts = ['one', 'two', 'three'].map((which) => `a lighthouse held ${which}`)
    provider.answer(prompts[0] as string, refuse(429, { 'retry-after': '1' }))
    const ask = async (prompt: string) => {
      const { data } = await generate(patient as never, { prompt, model: `${name}/gpt-image-2` })
      return data.generateImage.id
    }
    const first = await ask(prompts[0] as string)
    await provider.until((calls) => calls.some(({ prompt }) => prompt === prompts[0]))
    await until(async () => (await stageOf(first)) === 'WAITING_TO_RETRY')
    const others = await Promise.all(prompts.slice(1).map(ask))
    const operations = await Promise.all([first, ...others].map((id) => ended(patient as never, id)))
    expect(operations.map(({ status }) => status)).toEqual(['SUCCEEDED', 'SUCCEEDED', 'SUCCEEDED'])
    const [told, ...later] = provider.calls.filter(({ prompt }) => prompts.includes(prompt))
    expect(later).toHaveLength(3)
    for (const { at } of later) expect(at - (told?.at ?? 0)).toBeGreaterThanOrEqual(1_000)
  })
})

const stageOf = async (id: string) => {
  const { data } = await patient.graphql<{ operation: OperationAnswer }>(
    'query ($id: ID!) { operation(id: $id) { metadata { stage } } }',
    { id },
  )
  return data.operation.metadata.stage
}

describe.concurrent('the usage in an answer', () => {
  const nonsense: [string, unknown][] = [
    ['negative', { ...usage, total_tokens: -1, input_tokens: -10, output_tokens: -5 }],
    ['in fractions', { ...usage, total_tokens: 0.5, output_tokens: 1.5 }],
    ['in words', { input_tokens: 'ten', output_tokens: 'many', total_tokens: 'more' }],
    ['beyond 2^63', { ...usage, total_tokens: 2 ** 63, output_tokens: 2 ** 63 }],
    ['absent', undefined],
    ['null', null],
  ]
  test.each(nonsense)('MON-12: that is %s costs no image, and is estimated', async (_, given) => {
    const { operation } = await run([image({ usage: given })])
    expect(operation.status).toBe('SUCCEEDED')
    expect(operation.response?.usage.totalTokens).toBeGreaterThan(0)
  })
})
