import { describe, expect } from 'vitest'
import { accepted, ended, generate } from '../kit/client/operation-client.ts'
import { guarded } from '../kit/gateway/accounts.ts'
import { shareTestBed } from '../kit/gateway/shared-bed.ts'
import { databases } from '../kit/gateway/test-bed.ts'
import { hangMs } from '../kit/limits.ts'
import { after as answerAfter, stream } from '../kit/upstream/image-replies.ts'
import { type Caller, createCaller } from './callers.ts'
import { turnsOn } from './turns.ts'

interface Followed {
  sequences: number[]
  statuses: string[]
  code: unknown
  isComplete: boolean
  /** As it came, without what names this one request. */
  text: string
}

/** Everything a follower is told until its stream ends. */
async function follow(
  { url, headers }: Caller,
  id: string,
  afterSequence: number | string = 0,
): Promise<Followed> {
  const query = `subscription ($id: ID!) {
    operationStatus(operationId: $id, after: ${afterSequence}) { sequence status } }`
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...headers },
    body: JSON.stringify({ query, variables: { id } }),
    signal: AbortSignal.timeout(hangMs),
  })
  const text = await response.text()
  const results = [...text.matchAll(/^data: (\{.*\})$/gm)].map(([, json]) => JSON.parse(json as string))
  const events = results.flatMap(({ data }) => data?.operationStatus ?? [])
  return {
    sequences: events.map(({ sequence }) => sequence),
    statuses: events.map(({ status }) => status),
    code: results.flatMap(({ errors }) => errors?.[0]?.extensions.code ?? [])[0],
    isComplete: text.includes('event: complete'),
    text: text.replace(/"requestId":"[^"]*"/, ''),
  }
}

const nowhere = Buffer.from('Operation:00000000-0000-0000-0000-000000000000').toString('base64url')

describe.each(databases)('a follower (%s)', (database) => {
  const test = turnsOn(database)
  let caller: Caller
  const bed = shareTestBed(
    { database, env: guarded, limits: { concurrentOperations: 20 } },
    {
      prepare: async ({ gateway }) => {
        caller = await createCaller(gateway, 'follower')
      },
    },
  )

  test('SSE-04: that comes back with what it saw last gets exactly the rest', async () => {
    bed.provider.answer('a tide', stream({ partials: 2, end: true }))
    const { data } = await generate(caller, { prompt: 'a tide', partialImages: 2 })
    const { id } = data.generateImage
    await ended(caller, id)
    const all = await follow(caller, id)
    expect(all.sequences.length).toBeGreaterThan(4)
    expect(all.sequences).toEqual(all.sequences.map((_, at) => at + 1))
    for (const seen of all.sequences) {
      const rest = await follow(caller, id, seen)
      expect(rest.sequences).toEqual(all.sequences.slice(seen))
      expect(rest.isComplete).toBe(true)
    }
  })

  test('SSE-04: with a sequence that is still to come gets nothing, with nonsense an error', async () => {
    const id = await accepted(caller, { prompt: 'a tide to come' })
    await ended(caller, id)
    expect(await follow(caller, id, 1_000)).toMatchObject({
      sequences: [],
      isComplete: true,
      code: undefined,
    })
    expect((await follow(caller, id, -1)).code).toBe('BAD_USER_INPUT')
  })

  test("SSE-04: of another user's operation is told what it is told of one that never was", async () => {
    const other = await createCaller(bed.gateway, 'other')
    const answered = Promise.withResolvers<void>()
    const prompt = 'a tide that is not mine'
    bed.provider.answer(prompt, answerAfter(answered.promise))
    const id = await accepted(caller, { prompt })
    await bed.provider.until((calls) => calls.some((call) => call.prompt === prompt))
    const never = await follow(other, nowhere)
    expect(never).toMatchObject({ code: 'NOT_FOUND', sequences: [] })
    expect(await follow(other, id), 'while it runs').toEqual(never)
    answered.resolve()
    await ended(caller, id)
    for (const seen of [0, 1, 1_000]) expect(await follow(other, id, seen), `after ${seen}`).toEqual(never)
  })

  test('SSE-07: sees the end exactly once, whether it comes before, during or after it', async () => {
    const runs = Array.from({ length: 10 }, async (_, index) => {
      const prompt = `a race for the end ${index}`
      const answered = Promise.withResolvers<void>()
      bed.provider.answer(prompt, answerAfter(answered.promise))
      const id = await accepted(caller, { prompt })
      const early = follow(caller, id)
      await bed.provider.until((calls) => calls.some((call) => call.prompt === prompt))
      answered.resolve()
      const during = Array.from({ length: 5 }, () => follow(caller, id))
      const late = ended(caller, id).then(() => follow(caller, id))
      return Promise.all([early, ...during, late])
    })
    for (const follower of (await Promise.all(runs)).flat()) {
      expect(follower.statuses.filter((status) => status === 'SUCCEEDED')).toHaveLength(1)
      expect(follower.statuses.at(-1)).toBe('SUCCEEDED')
      expect(follower.sequences).toEqual(follower.sequences.map((_, at) => at + 1))
      expect(follower.isComplete).toBe(true)
    }
  })
})
