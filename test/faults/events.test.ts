import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestGateway, type TestGateway } from '../kit/gateway.ts'
import { canaries } from './invariants.ts'
import { after, type PaidProvider, startPaidProvider, stream } from './paid-provider.ts'
import { accepted, ended, generate } from './scene.ts'

let provider: PaidProvider
let gateway: TestGateway

beforeAll(async () => {
  provider = await startPaidProvider()
  gateway = await startTestGateway({
    file: `
providers: [{ name: paid, preset: openai, apiKey: ${canaries[0]}, baseUrl: "${provider.url}/v1", models: [gpt-image-2] }]
limits: { concurrentOperations: 20 }`,
  })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await provider.close()
})

const client = () => gateway as unknown as Parameters<typeof ended>[0]

interface Followed {
  sequences: number[]
  statuses: string[]
  code: unknown
  isComplete: boolean
}

/** Everything a follower is told until its stream ends. */
async function follow(id: string, afterSequence: number | string = 0): Promise<Followed> {
  const query = `subscription ($id: ID!) {
    operationStatus(operationId: $id, after: ${afterSequence}) { sequence status } }`
  const response = await fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ query, variables: { id } }),
  })
  const text = await response.text()
  const results = [...text.matchAll(/^data: (\{.*\})$/gm)].map(([, json]) => JSON.parse(json as string))
  const events = results.flatMap(({ data }) => data?.operationStatus ?? [])
  return {
    sequences: events.map(({ sequence }) => sequence),
    statuses: events.map(({ status }) => status),
    code: results.flatMap(({ errors }) => errors?.[0]?.extensions.code ?? [])[0],
    isComplete: text.includes('event: complete'),
  }
}

describe('a follower', () => {
  test('SSE-04: that comes back with what it saw last gets exactly the rest', async () => {
    provider.answer('a tide', stream({ partials: 2, end: true }))
    const { data } = await generate(client(), { prompt: 'a tide', partialImages: 2 })
    const { id } = data.generateImage
    await ended(client(), id)
    const all = await follow(id)
    expect(all.sequences).toEqual(all.sequences.map((_, at) => at + 1))
    for (const seen of all.sequences) {
      const rest = await follow(id, seen)
      expect(rest.sequences).toEqual(all.sequences.slice(seen))
      expect(rest.isComplete).toBe(true)
    }
  })

  test('SSE-04: with a sequence that is still to come gets nothing, with nonsense an error', async () => {
    const id = await accepted(client(), { prompt: 'a tide to come' })
    await ended(client(), id)
    expect(await follow(id, 1_000)).toMatchObject({ sequences: [], isComplete: true, code: undefined })
    expect((await follow(id, -1)).code).toBe('BAD_USER_INPUT')
    expect(
      (await follow(Buffer.from('Operation:00000000-0000-0000-0000-000000000000').toString('base64'))).code,
    ).toBe('NOT_FOUND')
  })

  test('SSE-07: sees the end exactly once, whether it comes before, during or after it', async () => {
    const runs = Array.from({ length: 10 }, async (_, index) => {
      const prompt = `a race for the end ${index}`
      const answered = Promise.withResolvers<void>()
      provider.answer(prompt, after(answered.promise))
      const id = await accepted(client(), { prompt })
      const early = follow(id)
      await provider.until((calls) => calls.some((call) => call.prompt === prompt))
      answered.resolve()
      const during = Array.from({ length: 5 }, () => follow(id))
      const late = ended(client(), id).then(() => follow(id))
      return Promise.all([early, ...during, late])
    })
    for (const follower of (await Promise.all(runs)).flat()) {
      expect(follower.statuses.filter((status) => status === 'SUCCEEDED')).toHaveLength(1)
      expect(follower.statuses.at(-1)).toBe('SUCCEEDED')
      expect(follower.isComplete).toBe(true)
    }
  })
})
