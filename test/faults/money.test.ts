import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestGateway, type TestGateway } from '../kit/gateway.ts'
import { canaries, checkInvariants } from './invariants.ts'
import {
  after,
  image,
  type PaidProvider,
  refuse,
  reset,
  startPaidProvider,
  stream,
  usage,
} from './paid-provider.ts'
import { ended, generate, lookInto, makeFolder, rawId, readOperation, removeFolder } from './scene.ts'

const adminKey = 'admin-key-of-the-money-tests'
let provider: PaidProvider
let gateway: TestGateway
let folder: string

/** A caller with a key of its own, as `generate` and its kin take it. */
interface Caller {
  url: string
  userId: string
  headers: { authorization: string }
  graphql: TestGateway['graphql']
}

beforeAll(async () => {
  provider = await startPaidProvider()
  folder = await makeFolder()
  gateway = await startTestGateway({
    folder,
    env: { EASEL_AUTH: 'on', EASEL_ADMIN_KEY: adminKey },
    file: `
providers: [{ name: paid, preset: openai, apiKey: ${canaries[0]}, baseUrl: "${provider.url}/v1", models: [gpt-image-2] }]
limits: { concurrentOperations: 30 }`,
  })
})

afterAll(async () => {
  await provider.close()
  await removeFolder(folder)
})
// Runs before the one above, which then runs whatever is found here.
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  const output = gateway.logged.map((line) => JSON.stringify(line))
  await lookInto({ folder }, ({ prisma }) => checkInvariants({ prisma, provider, folders: [folder], output }))
})

const admin = { authorization: `Bearer ${adminKey}` }

async function createCaller(name: string): Promise<Caller> {
  const user = await gateway.graphql<{ createUser: { id: string } }>(
    'mutation ($input: CreateUserInput!) { createUser(input: $input) { id } }',
    { input: { name } },
    admin,
  )
  const userId = user.data.createUser.id
  const key = await gateway.graphql<{ createApiKey: { secret: string } }>(
    'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret } }',
    { input: { userId, name } },
    admin,
  )
  const headers = { authorization: `Bearer ${key.data.createApiKey.secret}` }
  const { url } = gateway
  return { url, userId, headers, graphql: (query, variables) => gateway.graphql(query, variables, headers) }
}

async function setBudget({ userId }: Caller, limit: number | null): Promise<void> {
  const { errors } = await gateway.graphql(
    'mutation ($input: SetBudgetInput!) { setBudget(input: $input) { id } }',
    { input: { userId, period: 'TOTAL', unit: 'TOKENS', limit: limit === null ? null : String(limit) } },
    admin,
  )
  expect(errors).toBeUndefined()
}

/** What one image reserves, read from what a refusal says it asked for. */
async function costOfOne(caller: Caller): Promise<number> {
  await setBudget(caller, 1)
  const { errors } = await generate(caller, { prompt: 'how much is it to cross a bridge' })
  await setBudget(caller, null)
  return Number(errors?.[0]?.extensions.asked)
}

const spendingOf = async ({ graphql }: Caller) => {
  const { data } = await graphql<{
    viewer: { budgets: { used: string; reserved: string; limit: string }[] }
  }>('{ viewer { budgets { used reserved limit } } }')
  const [budget] = data.viewer.budgets
  return { used: Number(budget?.used), reserved: Number(budget?.reserved), limit: Number(budget?.limit) }
}

describe.concurrent('a request id', () => {
  test('MON-01: sent fifty times at once is one operation, one reservation and one paid call', async () => {
    const caller = await createCaller('fifty')
    const prompt = 'a bridge fifty times'
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => generate(caller, { prompt, requestId: 'one-and-the-same' })),
    )
    const ids = new Set(answers.map(({ data, errors }) => data?.generateImage.id ?? JSON.stringify(errors)))
    expect(ids.size).toBe(1)
    await ended(caller, [...ids][0] as string)
    expect(provider.paidFor(prompt)).toBe(1)
  })

  test('MON-02: with another prompt is refused, and the first operation is as it was', async () => {
    const caller = await createCaller('reuse')
    const requestId = 'bridge-1'
    const first = await generate(caller, { prompt: 'a bridge in the fog', requestId })
    const before = await ended(caller, first.data.generateImage.id)
    const second = await generate(caller, { prompt: 'a bridge in the fog.', requestId })
    expect(second.errors?.[0]?.extensions).toMatchObject({
      code: 'IDEMPOTENCY_KEY_REUSED',
      field: 'input.requestId',
    })
    expect(await readOperation(caller, first.data.generateImage.id)).toEqual(before)
  })

  test('MON-03: with the same content in another order is the same operation', async () => {
    const caller = await createCaller('order')
    const first = await generate(caller, { prompt: 'a bridge in order', user: 'u', requestId: 'order-1' })
    const again = await generate(caller, {
      requestId: 'order-1',
      user: 'u',
      prompt: 'a bridge in order',
      n: 1,
    })
    expect(again.data.generateImage.id).toBe(first.data.generateImage.id)
    await ended(caller, first.data.generateImage.id)
  })

  test("MON-04: of another user is the other user's, and tells nothing", async () => {
    const [one, other] = [await createCaller('one'), await createCaller('other')]
    const first = await generate(one, { prompt: 'a bridge of mine', requestId: 'shared-id' })
    const second = await generate(other, { prompt: 'a bridge of yours', requestId: 'shared-id' })
    expect(second.errors).toBeUndefined()
    expect(second.data.generateImage.id).not.toBe(first.data.generateImage.id)
    await Promise.all([ended(one, first.data.generateImage.id), ended(other, second.data.generateImage.id)])
  })

  test('MON-05: is not bound by a refusal: with a larger budget it is accepted', async () => {
    const caller = await createCaller('raise')
    await setBudget(caller, 1)
    const request = { prompt: 'a bridge too dear', requestId: 'raise-1' }
    const refused = await generate(caller, request)
    expect(refused.errors?.[0]?.extensions.code).toBe('BUDGET_EXCEEDED')
    await setBudget(caller, 1_000_000)
    const accepted = await generate(caller, request)
    expect(accepted.errors).toBeUndefined()
    await ended(caller, accepted.data.generateImage.id)
  })

  test('MON-06: gives the operation again after it has failed, and never another try', async () => {
    const caller = await createCaller('failed')
    const request = { prompt: 'a bridge that broke', requestId: 'failed-1' }
    provider.answer(request.prompt, reset)
    const first = await generate(caller, request)
    expect(await ended(caller, first.data.generateImage.id)).toMatchObject({ status: 'FAILED' })
    const again = await generate(caller, request)
    expect(again.data.generateImage).toMatchObject({
      id: first.data.generateImage.id,
      status: 'FAILED',
      done: true,
    })
    expect(provider.paidFor(request.prompt)).toBe(1)
  })
})

describe.concurrent('a budget', () => {
  test('MON-07, MON-08: for three holds against a hundred first requests of a new user at once', async () => {
    const measure = await createCaller('measure')
    const one = await costOfOne(measure)
    const caller = await createCaller('hundred')
    await setBudget(caller, 3 * one)
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

  test('MON-09: has nothing reserved after fifty operations that failed, were cancelled or succeeded', async () => {
    const caller = await createCaller('leak')
    await setBudget(caller, 100_000_000)
    const answers = [image(), reset, refuse(400), refuse(429, { 'retry-after': '0' }), image({ data: [] })]
    const ids = await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        const prompt = `a leak ${index}`
        const answer = answers[index % answers.length]
        // Cut connections in a row would pause the provider for everybody.
        provider.answer(prompt, ...(answer && (answer !== reset || index < 10) ? [answer] : []))
        const { data } = await generate(caller, { prompt })
        const { id } = data.generateImage
        if (index % 7 === 0)
          await caller.graphql('mutation ($id: ID!) { cancelOperation(id: $id) { id } }', { id })
        return id
      }),
    )
    const operations = await Promise.all(ids.map((id) => ended(caller, id)))
    expect(new Set(operations.map(({ status }) => status))).toEqual(
      new Set(['SUCCEEDED', 'FAILED', 'CANCELLED']),
    )
    const succeeded = operations.filter(({ status }) => status === 'SUCCEEDED').length
    expect(await spendingOf(caller)).toMatchObject({ reserved: 0, used: succeeded * usage.total_tokens })
  })

  test('MON-10: that an answer exceeds is charged in full, reported, and refuses the next request', async () => {
    const caller = await createCaller('exceed')
    await setBudget(caller, await costOfOne(caller))
    const tokens = { ...usage, output_tokens: 900_000, total_tokens: 900_010 }
    provider.answer('a bridge beyond', image({ usage: tokens }))
    const { data } = await generate(caller, { prompt: 'a bridge beyond' })
    await ended(caller, data.generateImage.id)
    expect(await spendingOf(caller)).toMatchObject({ used: 900_010, reserved: 0 })
    const told = gateway.logged.filter(({ code }) => code === 'ESTIMATE_EXCEEDED')
    expect(told).toMatchObject([{ operationId: rawId(data.generateImage.id), totalTokens: 900_010 }])
    const next = await generate(caller, { prompt: 'a bridge after' })
    expect(next.errors?.[0]?.extensions.code).toBe('BUDGET_EXCEEDED')
  })

  test('MON-11: is given back when a stream is cut before the usage, and the house books the loss', async () => {
    const caller = await createCaller('cut')
    await setBudget(caller, 1_000_000)
    provider.answer('a bridge cut', stream({ partials: 1, end: false }))
    const { data } = await generate(caller, { prompt: 'a bridge cut', partialImages: 1 })
    expect(await ended(caller, data.generateImage.id)).toMatchObject({
      status: 'FAILED',
      error: { reason: 'UPSTREAM_OUTCOME_UNKNOWN' },
    })
    expect(await spendingOf(caller)).toMatchObject({ used: 0, reserved: 0 })
  })
})

describe.concurrent('a cancel', () => {
  const cancel = (caller: Caller, id: string) =>
    caller.graphql<{ cancelOperation: { status: string } }>(
      'mutation ($id: ID!) { cancelOperation(id: $id) { status } }',
      { id },
    )

  test('MON-14: while a call runs ends it, twice is once, and the house books the loss', async () => {
    const caller = await createCaller('cancel')
    await setBudget(caller, 1_000_000)
    const prompt = 'a bridge to cancel'
    provider.answer(prompt, after(new Promise(() => {})))
    const { data } = await generate(caller, { prompt })
    await provider.until((calls) => calls.some((call) => call.prompt === prompt))
    await Promise.all([cancel(caller, data.generateImage.id), cancel(caller, data.generateImage.id)])
    expect(await ended(caller, data.generateImage.id)).toMatchObject({ status: 'CANCELLED', response: null })
    await cancel(caller, data.generateImage.id)
    expect(await spendingOf(caller)).toMatchObject({ used: 0, reserved: 0 })
  })

  test('MON-14: of a finished operation changes nothing', async () => {
    const caller = await createCaller('late')
    const { data } = await generate(caller, { prompt: 'a bridge that was done' })
    const before = await ended(caller, data.generateImage.id)
    const { errors } = await cancel(caller, data.generateImage.id)
    expect(errors).toBeUndefined()
    expect(await readOperation(caller, data.generateImage.id)).toEqual(before)
  })

  test('MON-14: that races with the end leaves one end', async () => {
    const caller = await createCaller('race')
    await setBudget(caller, 10_000_000)
    const ids = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const prompt = `a race ${index}`
        const { data } = await generate(caller, { prompt })
        if (index % 2) await provider.until((calls) => calls.some((call) => call.prompt === prompt))
        await cancel(caller, data.generateImage.id)
        return data.generateImage.id
      }),
    )
    const operations = await Promise.all(ids.map((id) => ended(caller, id)))
    const succeeded = operations.filter(({ status }) => status === 'SUCCEEDED').length
    expect(operations.every(({ status }) => status === 'SUCCEEDED' || status === 'CANCELLED')).toBe(true)
    expect(await spendingOf(caller)).toMatchObject({ reserved: 0, used: succeeded * usage.total_tokens })
  })
})

describe('aliases', () => {
  test('MON-15: thirty paid mutations in one document reserve thirty times, or are refused', async () => {
    const caller = await createCaller('aliases')
    await setBudget(caller, 10_000_000)
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
