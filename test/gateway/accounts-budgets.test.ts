import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createPostgresDatabase, isPostgresHere } from '../kit/database/postgres-database.ts'
import {
  admin,
  bearer,
  type GuardedGateway,
  type Person,
  startGuardedGateway,
} from '../kit/gateway/accounts.ts'
import { isLong } from '../kit/limits.ts'

const requests = 200
const fits = 8
/** Of a size and quality whose tokens are known, so that what is given back of `fits` of them never holds another. */
const document =
  'mutation ($requestId: ID, $prompt: String = "a fox") { generateImage(input: { prompt: $prompt, model: "sandbox/gpt-image-1", quality: MEDIUM, size: "1024x1024", requestId: $requestId }) { id status } }'
const estimateDocument =
  'query ($prompt: String = "a fox") { estimateCost(input: { kind: GENERATE, prompt: $prompt, model: "sandbox/gpt-image-1", quality: MEDIUM, size: "1024x1024" }) { tokens { max } cost { max { amountMicros } } } }'

interface Budget {
  period: string
  unit: string
  limit: string
  used: string
  reserved: string
}

describe.each([
  ['the embedded database', async () => null],
  ['a PostgreSQL server', createPostgresDatabase],
])('on %s', (name, createDatabase) => {
  const isThere = name === 'the embedded database' || isPostgresHere()
  let gateway: GuardedGateway

  beforeAll(async () => {
    if (!isThere) return
    const databaseUrl = await createDatabase()
    gateway = await startGuardedGateway({ databaseUrl })
  })
  afterAll(async () => {
    await gateway?.[Symbol.asyncDispose]()
  })

  /** Comes back as often as a server that is busy asks for it. */
  const insist = async <Data>(query: string, variables: object, headers: HeadersInit) => {
    for (;;) {
      const answer = await gateway.graphql<Data>(query, variables, headers)
      const extensions = answer.errors?.[0]?.extensions
      if (extensions?.code !== 'UNAVAILABLE') return answer
      await pause(Number(extensions.retryAfterMs))
    }
  }
  const budgetsOf = async ({ id }: Person) => {
    const { data } = await insist<{ node: { budgets: Budget[] } }>(
      'query ($id: ID!) { node(id: $id) { ... on User { budgets { period unit limit used reserved } } } }',
      { id },
      admin,
    )
    return data.node.budgets
  }
  const setBudget = (person: Person, budget: object) =>
    gateway.graphql(
      'mutation ($input: SetBudgetInput!) { setBudget(input: $input) { id } }',
      { input: { userId: person.id, ...budget } },
      admin,
    )
  const maximum = async (person: Person, prompt = 'a fox') => {
    const { data } = await gateway.graphql<{
      estimateCost: { tokens: { max: string }; cost: { max: { amountMicros: string } } }
    }>(estimateDocument, { prompt }, bearer(person.key))
    const { tokens, cost } = data.estimateCost
    return { TOKENS: Number(tokens.max), MONEY: Number(cost.max.amountMicros) }
  }
  /** Samples ten times a second until told to stop, so that it takes little from what it watches, and answers with those that were above a limit. */
  const watch = (person: Person) => {
    const above: Budget[] = []
    let samples = 0
    let stopped = false
    const sampling = (async () => {
      while (!stopped) {
        const budgets = await budgetsOf(person)
        above.push(
          ...budgets.filter(({ used, reserved, limit }) => BigInt(used) + BigInt(reserved) > BigInt(limit)),
        )
        samples++
        await pause(100)
      }
    })()
    const stop = async () => {
      stopped = true
      await sampling
      return { above, samples }
    }
    // A case that failed before it stopped must not be watched while the next ones run, nor fail these.
    sampling.catch(() => {})
    onTestFinished(() => void stop().catch(() => {}))
    return stop
  }
  /** Under one requestId, which pays for nothing twice. */
  const generate = (person: Person) =>
    insist<{ generateImage: { id: string } | null } | null>(
      document,
      { requestId: crypto.randomUUID() },
      bearer(person.key),
    )
  const finished = async (person: Person) => {
    const { data } = await gateway.graphql<{ operations: { edges: { node: { id: string } }[] } }>(
      '{ operations { edges { node { id } } } }',
      {},
      bearer(person.key),
    )
    for (const { node } of data.operations.edges) {
      const response = await fetch(`${gateway.url}/graphql/stream`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...bearer(person.key) },
        body: JSON.stringify({
          query: 'subscription ($id: ID!) { operationStatus(operationId: $id) { status } }',
          variables: { id: node.id },
        }),
      })
      expect(await response.text()).toContain('SUCCEEDED')
    }
    return data.operations.edges.length
  }

  /** In the short form each unit has its turn on one of the databases that are there. */
  const units = (['TOKENS', 'MONEY'] as const).filter(
    (unit) => isLong || !isPostgresHere() || (unit === 'MONEY') === (name === 'the embedded database'),
  )

  test.skipIf(!isThere).each(units)(
    `takes exactly ${fits} of the first ${requests} requests of a user, all at once, on a budget of %s for ${fits}`,
    async (unit) => {
      const person = await gateway.invite(`Ann ${unit}`)
      const limit = (await maximum(person))[unit] * fits
      await setBudget(person, { period: 'DAY', unit, limit: `${limit}` })
      const counted = gateway.sandbox?.requests().length ?? 0
      const stop = watch(person)
      const answers = await Promise.all(Array.from({ length: requests }, () => generate(person)))
      const refusals = answers.flatMap(({ errors }) => errors ?? [])
      expect(new Set(refusals.map(({ extensions }) => extensions.code))).toEqual(new Set(['BUDGET_EXCEEDED']))
      expect(refusals).toHaveLength(requests - fits)
      expect(await finished(person)).toBe(fits)
      const { above, samples } = await stop()
      expect(above).toEqual([])
      expect(samples).toBeGreaterThan(1)

      const paid = (gateway.sandbox?.requests() ?? []).slice(counted)
      expect(paid).toHaveLength(fits)
      const [budget] = await budgetsOf(person)
      expect(budget?.reserved).toBe('0')
      if (unit === 'TOKENS') {
        expect(Number(budget?.used)).toBe(
          paid.reduce((sum, { usage }) => sum + (usage?.total_tokens ?? 0), 0),
        )
      }
    },
  )

  test.skipIf(!isThere)(
    'says which budget, what is left, what was asked and when it starts anew',
    async () => {
      const person = await gateway.invite('Bob')
      const { TOKENS } = await maximum(person)
      await setBudget(person, { period: 'TOTAL', unit: 'MONEY', limit: '100000000' })
      await setBudget(person, { period: 'MONTH', unit: 'TOKENS', limit: '10' })
      const { errors } = await gateway.graphql(document, {}, bearer(person.key))
      const now = new Date()
      expect(errors?.[0]?.extensions).toMatchObject({
        code: 'BUDGET_EXCEEDED',
        budget: { period: 'MONTH', unit: 'TOKENS' },
        limit: '10',
        remaining: '10',
        asked: `${TOKENS}`,
        resetsAt: new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1)).toISOString(),
      })
    },
  )

  test.skipIf(!isThere)(
    'gives back what failed and cancelled operations reserved, and takes the same requestId once more',
    async () => {
      const person = await gateway.invite('Cem')
      const [hang, refuse] = ['a fox [sandbox:hang]', 'a fox [sandbox:moderation]']
      const { TOKENS: reserved } = await maximum(person, hang)
      const { TOKENS: limit } = await maximum(person, refuse)
      await setBudget(person, { period: 'DAY', unit: 'TOKENS', limit: `${limit}` })
      const send = (requestId: string, prompt: string) =>
        gateway.graphql<{ generateImage: { id: string } }>(
          document,
          { requestId, prompt },
          bearer(person.key),
        )
      const end = (id: string) =>
        gateway.graphql<{ cancelOperation: { status: string } }>(
          'mutation ($id: ID!) { cancelOperation(id: $id) { status } }',
          { id },
          bearer(person.key),
        )
      const hanging = await send('one', hang)
      expect((await budgetsOf(person))[0]).toMatchObject({ used: '0', reserved: `${reserved}` })
      expect((await send('two', refuse)).errors?.[0]?.extensions.code).toBe('BUDGET_EXCEEDED')
      // The same request again is the same operation: it asks the budget for nothing.
      expect((await send('one', hang)).data.generateImage.id).toBe(hanging.data.generateImage.id)
      await gateway.sandbox?.until((all) =>
        all.some(({ fault, outcome }) => fault === 'hang' && outcome === 'pending'),
      )
      expect((await end(hanging.data.generateImage.id)).data.cancelOperation.status).toBe('CANCELLED')
      expect((await budgetsOf(person))[0]).toMatchObject({ used: '0', reserved: '0' })
      const refused = await send('two', refuse)
      await fetch(`${gateway.url}/graphql/stream`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...bearer(person.key) },
        body: JSON.stringify({
          query: 'subscription ($id: ID!) { operationStatus(operationId: $id) { status } }',
          variables: { id: refused.data.generateImage.id },
        }),
      }).then((response) => response.text())
      expect((await budgetsOf(person))[0]).toMatchObject({ used: '0', reserved: '0' })
    },
  )
})
