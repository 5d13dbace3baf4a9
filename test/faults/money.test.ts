import { describe, expect } from 'vitest'
import { rawId } from '../kit/client/global-id.ts'
import type { Answer } from '../kit/client/graphql-client.ts'
import { ended, generate, readOperation } from '../kit/client/operation-client.ts'
import { guarded } from '../kit/gateway/accounts.ts'
import { shareTestBed } from '../kit/gateway/shared-bed.ts'
import { databases } from '../kit/gateway/test-bed.ts'
import { until } from '../kit/until.ts'
import { image, refuse, stream, usage } from '../kit/upstream/image-replies.ts'
import { reset, silence } from '../kit/upstream/replies.ts'
import { type Caller, cancel, createCaller, setBudget } from './callers.ts'
import { turnsOn } from './turns.ts'

describe.each(databases)('money (%s)', (database) => {
  const test = turnsOn(database)
  const bed = shareTestBed({ database, env: guarded, limits: { concurrentOperations: 30 } })

  /** What one image reserves, read from what a refusal says it asked for. */
  async function costOfOne(caller: Caller): Promise<number> {
    await setBudget(bed.gateway, caller, 1)
    const { errors } = await generate(caller, { prompt: 'how much is it to cross a bridge' })
    await setBudget(bed.gateway, caller, null)
    return Number(errors?.[0]?.extensions.asked)
  }

  async function richCaller(name: string): Promise<Caller> {
    const caller = await createCaller(bed.gateway, name)
    await setBudget(bed.gateway, caller, 100_000_000)
    return caller
  }

  /** What nobody got an image for is booked as a loss of the house, as high as it was reserved. */
  async function expectLoss(prompt: string): Promise<void> {
    const { ledger } = await bed.story(prompt)
    const reserved = Number(ledger.find((entry) => entry.startsWith('RESERVE'))?.split(' ')[1])
    expect(reserved).toBeGreaterThan(0)
    expect(ledger).toEqual([`PROVIDER_LOSS ${reserved}`, `RELEASE ${reserved}`, `RESERVE ${reserved}`])
  }

  describe('a budget', () => {
    test('MON-07, MON-08: for three holds against a hundred first requests of a new user at once', async () => {
      const one = await costOfOne(await createCaller(bed.gateway, 'measure'))
      const caller = await createCaller(bed.gateway, 'hundred')
      await setBudget(bed.gateway, caller, 3 * one)
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, index) => generate(caller, { prompt: `a crowd ${index}` })),
      )
      const accepted = answers.flatMap(({ data }) => data?.generateImage?.id ?? [])
      const refused = answers.flatMap(({ errors }) => errors?.[0]?.extensions.code ?? [])
      expect(accepted).toHaveLength(3)
      expect(refused).toEqual(Array(97).fill('BUDGET_EXCEEDED'))
      const { used, reserved, limit } = await spendingOf(caller)
      expect(used + reserved).toBeLessThanOrEqual(limit)
      await Promise.all(accepted.map((id) => ended(caller, id)))
      expect(await spendingOf(caller)).toMatchObject({ used: 3 * usage.total_tokens, reserved: 0 })
    })

    test('MON-09: has nothing reserved after a hundred operations that failed, were cancelled or succeeded', async () => {
      const caller = await richCaller('leak')
      const leak = async (index: number) => {
        const prompt = `a leak ${index}`
        bed.provider.answer(prompt, ...leakAnswer(index))
        const { data } = await generate(caller, { prompt })
        if (index % 7 === 0) await cancel(caller, data.generateImage.id)
      }
      const indexes = Array.from({ length: 100 }, (_, index) => index)
      for (const some of chunk(indexes, 20)) await Promise.all(some.map(leak))
      await until(async () => (await spendingOf(caller)).reserved === 0)
      const counts = await countStatuses(caller)
      expect(Object.keys(counts).sort()).toEqual(['CANCELLED', 'FAILED', 'SUCCEEDED'])
      expect(Object.values(counts).reduce((a, b) => a + b)).toBe(100)
      expect((await spendingOf(caller)).used).toBe((counts.SUCCEEDED ?? 0) * usage.total_tokens)
    })

    test('MON-10: that an answer exceeds is charged in full, reported, and refuses the next request', async () => {
      const caller = await createCaller(bed.gateway, 'exceed')
      await setBudget(bed.gateway, caller, await costOfOne(caller))
      const tokens = { ...usage, output_tokens: 900_000, total_tokens: 900_010 }
      bed.provider.answer('a bridge beyond', image({ usage: tokens }))
      const { data } = await generate(caller, { prompt: 'a bridge beyond' })
      await ended(caller, data.generateImage.id)
      expect(await spendingOf(caller)).toMatchObject({ used: 900_010, reserved: 0 })
      const told = bed.gateway.logged('an operation took more than the most that was foreseen')
      const operationId = rawId(data.generateImage.id)
      expect(told).toMatchObject([{ code: 'ESTIMATE_EXCEEDED', operationId, totalTokens: 900_010 }])
      const next = await generate(caller, { prompt: 'a bridge after' })
      expect(next.errors?.[0]?.extensions.code).toBe('BUDGET_EXCEEDED')
    })

    test('MON-11: is given back when a stream is cut before the usage, as a loss of the house', async () => {
      const caller = await richCaller('cut')
      const cut = 'a bridge cut'
      bed.provider.answer(cut, stream({ partials: 1, end: false }))
      const { data } = await generate(caller, { prompt: cut, partialImages: 1 })
      expect(await ended(caller, data.generateImage.id)).toMatchObject({
        status: 'FAILED',
        error: { reason: 'UPSTREAM_OUTCOME_UNKNOWN' },
      })
      expect(bed.provider.paidFor(cut)).toBe(1)
      expect(await spendingOf(caller)).toMatchObject({ used: 0, reserved: 0 })
      await expectLoss(cut)
    })
  })

  describe('a cancel', () => {
    test('MON-14: while a call runs ends it as a loss of the house, and twice is once', async () => {
      const caller = await richCaller('cancel')
      const aborted = 'a bridge to cancel'
      bed.provider.answer(aborted, silence)
      const { data } = await generate(caller, { prompt: aborted })
      await bed.provider.until((calls) => calls.some((call) => call.prompt === aborted))
      await Promise.all([cancel(caller, data.generateImage.id), cancel(caller, data.generateImage.id)])
      expect(await ended(caller, data.generateImage.id)).toMatchObject({
        status: 'CANCELLED',
        response: null,
      })
      await cancel(caller, data.generateImage.id)
      expect(await spendingOf(caller)).toMatchObject({ used: 0, reserved: 0 })
      await expectLoss(aborted)
    })

    test('MON-14: of a finished operation changes nothing', async () => {
      const caller = await createCaller(bed.gateway, 'late')
      const { data } = await generate(caller, { prompt: 'a bridge that was done' })
      const before = await ended(caller, data.generateImage.id)
      const { errors } = await cancel(caller, data.generateImage.id)
      expect(errors).toBeUndefined()
      expect(await readOperation(caller, data.generateImage.id)).toEqual(before)
    })

    test('MON-14: that races with the end leaves one end', async () => {
      const caller = await richCaller('race')
      const ids = await Promise.all(
        Array.from({ length: 20 }, async (_, index) => {
          const prompt = `a race ${index}`
          const { data } = await generate(caller, { prompt })
          if (index % 2) await bed.provider.until((calls) => calls.some((call) => call.prompt === prompt))
          await cancel(caller, data.generateImage.id)
          return data.generateImage.id
        }),
      )
      const operations = await Promise.all(ids.map((id) => ended(caller, id)))
      const { SUCCEEDED = 0, CANCELLED = 0 } = countBy(operations.map(({ status }) => status))
      expect(SUCCEEDED + CANCELLED).toBe(ids.length)
      expect(await spendingOf(caller)).toMatchObject({ reserved: 0, used: SUCCEEDED * usage.total_tokens })
    })
  })

  test('MON-15: thirty paid mutations in one document reserve thirty times, or are refused', async () => {
    const caller = await richCaller('aliases')
    const fields = Array.from(
      { length: 30 },
      (_, index) =>
        `m${index}: generateImage(input: { prompt: "an alias ${index}", model: "paid/gpt-image-2", size: "1024x1024", quality: LOW }) { id }`,
    )
    const { data, errors } = await caller.graphql<Record<string, { id: string }> | null>(
      `mutation { ${fields.join(' ')} }`,
    )
    const ids = Object.values(data ?? {}).map(({ id }) => id)
    await Promise.all(ids.map((id) => ended(caller, id)))
    if (errors) expect(ids).toEqual([])
    expect(await spendingOf(caller)).toMatchObject({ reserved: 0, used: ids.length * usage.total_tokens })
  })
})

const spendingOf = async ({ graphql }: Caller) => {
  const { data } = await graphql<{
    viewer: { budgets: { used: string; reserved: string; limit: string }[] }
  }>('{ viewer { budgets { used reserved limit } } }')
  const [budget] = data.viewer.budgets
  return { used: Number(budget?.used), reserved: Number(budget?.reserved), limit: Number(budget?.limit) }
}

const leaks = [image(), reset, refuse(400), refuse(429, { 'retry-after': '0' }), image({ data: [] })]

/** Cut connections in a row would pause the provider for everybody, so most of them get an image instead. */
function leakAnswer(index: number) {
  const answer = leaks[index % leaks.length]
  return answer && (answer !== reset || index % 20 === 1) ? [answer] : []
}

/** How many of the caller's operations are in which state. */
async function countStatuses({ graphql }: Caller): Promise<Record<string, number>> {
  const statuses: string[] = []
  for (let after: string | null = null, hasMore = true; hasMore; ) {
    const { data }: Answer<{ operations: Page }> = await graphql(
      `query ($after: String) { operations(first: 100, after: $after) {
        edges { node { status } } pageInfo { hasNextPage endCursor } } }`,
      { after },
    )
    statuses.push(...data.operations.edges.map(({ node }) => node.status))
    after = data.operations.pageInfo.endCursor
    hasMore = data.operations.pageInfo.hasNextPage
  }
  return countBy(statuses)
}

interface Page {
  edges: { node: { status: string } }[]
  pageInfo: { hasNextPage: boolean; endCursor: string | null }
}

const chunk = <T>(all: T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, at) => all.slice(at * size, (at + 1) * size))

const countBy = (names: string[]): Record<string, number> =>
  Object.fromEntries(
    Map.groupBy(names, (name) => name)
      .entries()
      .map(([name, all]) => [name, all.length]),
  )
