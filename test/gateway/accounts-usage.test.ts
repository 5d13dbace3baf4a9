import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { SandboxRequest } from '../../src/sandbox/ledger.ts'
import {
  admin,
  adminKey,
  bearer,
  type GuardedGateway,
  type Person,
  startGuardedGateway,
} from '../kit/gateway/accounts.ts'
import { type Edited, editAs } from './edits.ts'

const all = 'from: "2020-01-01T00:00:00Z", to: "2100-01-01T00:00:00Z"'

interface Sums {
  operations: number
  images: number
  inputTokens: string
  outputTokens: string
  totalTokens: string
  estimatedShare: number
  cost: { amountMicros: string }
}

interface Usage {
  rows: (Sums & { user: { name: string } | null; endUser: string | null })[]
  total: Sums
}

let gateway: GuardedGateway
let people: Person[]
/** What these three got when they edited at once, what the provider saw of it, and what was reported just then. */
let edited: Edited[]
let requests: SandboxRequest[]
let reported: Usage
const queries: string[] = []

beforeAll(async () => {
  gateway = await startGuardedGateway({ onQuery: (sql) => queries.push(sql) })
  people = [await gateway.invite('Ann'), await gateway.invite('Bob'), await gateway.invite('Cem')]
  const edits = people.flatMap((person, index) =>
    Array.from({ length: 4 + index }, (_, count) =>
      editAs(gateway, person, {
        prompt: `${person.name} ${count}`,
        n: 1 + (count % 2),
        user: `guest ${count % 2}`,
      }),
    ),
  )
  edited = (await Promise.all(edits)).map(({ data }) => data.editImage)
  requests = gateway.sandbox?.requests() ?? []
  reported = await report(', groupBy: [USER]')
})
afterAll(() => gateway[Symbol.asyncDispose]())

const report = async (args: string, key = adminKey) => {
  const sums = 'operations images inputTokens outputTokens totalTokens estimatedShare cost { amountMicros }'
  const query = `{ usage(${all}${args}) { rows { user { name } endUser ${sums} } total { ${sums} } } }`
  const { data, errors } = await gateway.graphql<{ usage: Usage }>(query, {}, bearer(key))
  expect(errors).toBeUndefined()
  return data.usage
}

test('three users edit at once, and the report is what the provider counted', () => {
  expect(edited.map(({ status }) => status)).toEqual(edited.map(() => 'SUCCEEDED'))

  const counted = requests.flatMap(({ usage }) => usage ?? [])
  const { rows, total } = reported
  expect(counted).toHaveLength(15)
  const sum = (part: 'input_tokens' | 'output_tokens' | 'total_tokens') =>
    counted.reduce((tokens, usage) => tokens + usage[part], 0)
  expect(total).toMatchObject({
    operations: 15,
    images: edited.reduce((images, { response }) => images + response.data.length, 0),
    inputTokens: `${sum('input_tokens')}`,
    outputTokens: `${sum('output_tokens')}`,
    totalTokens: `${sum('total_tokens')}`,
    estimatedShare: 0,
  })
  expect(rows.map(({ user, operations }) => [user?.name, operations])).toEqual([
    ['Ann', 4],
    ['Bob', 5],
    ['Cem', 6],
  ])
  const tokensOf = (name: string) =>
    edited
      .filter(({ createdBy }) => createdBy.name === name)
      .reduce((tokens, { response }) => tokens + response.usage.totalTokens, 0)
  expect(rows.map(({ totalTokens }) => Number(totalTokens))).toEqual(['Ann', 'Bob', 'Cem'].map(tokensOf))
  const micros = rows.reduce((cost, row) => cost + BigInt(row.cost.amountMicros), 0n)
  expect(`${micros}`).toBe(total.cost.amountMicros)
})

test('end users are told apart in reports, and known to the provider by a pseudonym of user and end user', async () => {
  const { rows } = await report(', groupBy: [USER, END_USER], filter: { endUser: "guest 0" }')
  expect(rows.map(({ user, endUser }) => [user?.name, endUser])).toEqual(
    ['Ann', 'Bob', 'Cem'].map((name) => [name, 'guest 0']),
  )
  const sent = requests.map(({ parameters }) => parameters.user)
  expect(new Set(sent).size).toBe(6)
  expect(sent.filter((name) => !/^[\w-]{43}$/.test(String(name)))).toEqual([])
})

test('a paid image whose usage the provider leaves out is booked by estimate, never as zero', async () => {
  const dora = await gateway.invite('Dora')
  const { data } = await editAs(gateway, dora, { prompt: 'x [sandbox:no-usage]' })
  expect(data.editImage).toMatchObject({ status: 'SUCCEEDED', response: { usage: { estimated: true } } })
  const { total } = await report('', dora.key)
  expect(total).toMatchObject({ operations: 1, images: 1, estimatedShare: 1 })
  expect(Number(total.totalTokens)).toBeGreaterThan(0)
  expect(Number(total.cost.amountMicros)).toBeGreaterThan(0)
})

test('a model that is paid by the image has a cost and no tokens', async () => {
  const eve = await gateway.invite('Eve')
  await gateway.graphql(
    'mutation ($id: ID!) { setBudget(input: { userId: $id, period: TOTAL, unit: MONEY, limit: "30000" }) { id } }',
    { id: eve.id },
    admin,
  )
  const generate = () =>
    gateway.graphql<{ generateImage: { id: string } }>(
      'mutation { generateImage(input: { prompt: "a fox", model: "sandbox/flux-2-pro", size: "1024x1024" }) { id } }',
      {},
      bearer(eve.key),
    )
  const { data, errors } = await generate()
  expect(errors).toBeUndefined()
  await follow(data.generateImage.id, eve.key)
  const { total } = await report('', eve.key)
  expect(total).toMatchObject({ operations: 1, images: 1, totalTokens: '0' })
  expect(Number(total.cost.amountMicros)).toBeGreaterThan(0)
  const { viewer } = (
    await gateway.graphql<{ viewer: object }>('{ viewer { budgets { used reserved } } }', {}, bearer(eve.key))
  ).data
  expect(viewer).toEqual({ budgets: [{ used: total.cost.amountMicros, reserved: '0' }] })
})

async function follow(id: string, key: string): Promise<void> {
  const response = await fetch(`${gateway.url}/graphql/stream`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...bearer(key) },
    body: JSON.stringify({
      query: 'subscription ($id: ID!) { operationStatus(operationId: $id) { status } }',
      variables: { id },
    }),
  })
  expect(await response.text()).toContain('SUCCEEDED')
}

test('the export is the same report, with the same filters', async () => {
  const query =
    'from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z&groupBy=USER,END_USER&endUser=guest%201&kind=EDIT'
  const response = await fetch(`${gateway.url}/usage.csv?${query}`, { headers: admin })
  const [header = '', ...lines] = (await response.text()).trimEnd().split('\r\n')
  const column = header.split(',').indexOf('totalTokens')
  const { rows } = await report(', groupBy: [USER, END_USER], filter: { endUser: "guest 1", kind: EDIT }')
  expect(lines.map((line) => line.split(',')[column])).toEqual(rows.map(({ totalTokens }) => totalTokens))
  expect(rows).toHaveLength(3)
})

test('asks about no time are refused alone, and about every time there is are answered', async () => {
  const { data, errors } = await gateway.graphql<{ viewer: null }>(
    `{ viewer { good: usage(${all}) { total { operations } } } }`,
    {},
    bearer(people[0]?.key ?? ''),
  )
  expect([errors, data]).toEqual([undefined, { viewer: { good: { total: { operations: 4 } } } }])
  const backwards = await gateway.graphql(
    '{ usage(from: "2100-01-01T00:00:00Z", to: "2020-01-01T00:00:00Z") { total { operations } } }',
    {},
    admin,
  )
  expect(backwards.errors).toMatchObject([
    { extensions: { code: 'BAD_USER_INPUT', reason: 'RANGE_EMPTY', field: 'to' } },
  ])
  const csv = await fetch(`${gateway.url}/usage.csv?from=0000-01-01T00:00:00Z&to=9999-12-31T23:59:59Z`, {
    headers: admin,
  })
  expect(csv.status).toBe(200)
})

test('verifyUsage finds that the daily sums are what the records add up to', async () => {
  const { data } = await gateway.graphql('mutation { verifyUsage { agrees differences } }', {}, admin)
  expect(data).toEqual({ verifyUsage: { agrees: true, differences: 0 } })
})

describe('estimateCost', () => {
  const estimate = async (input: string, key: string) => {
    const { data, errors } = await gateway.graphql<{
      estimateCost: { tokens: { max: string }; cost: { max: { amountMicros: string } }; budgets: object[] }
    }>(
      `{ estimateCost(input: ${input}) { tokens { max } cost { max { amountMicros } } budgets { period unit remaining } } }`,
      {},
      bearer(key),
    )
    expect(errors).toBeUndefined()
    return data.estimateCost
  }

  test('foresees exactly what an operation reserves, and says what each budget leaves', async () => {
    const finn = await gateway.invite('Finn')
    for (const [unit, limit] of [
      ['TOKENS', '100000'],
      ['MONEY', '90000000'],
    ]) {
      await gateway.graphql(
        'mutation ($input: SetBudgetInput!) { setBudget(input: $input) { id } }',
        { input: { userId: finn.id, period: 'MONTH', unit, limit } },
        admin,
      )
    }
    const request = 'prompt: "a fox [sandbox:hang]", quality: LOW, size: "1024x1024", n: 2'
    const before = await estimate(`{ kind: GENERATE, ${request} }`, finn.key)
    expect(before.budgets).toEqual([
      { period: 'MONTH', unit: 'TOKENS', remaining: '100000' },
      { period: 'MONTH', unit: 'MONEY', remaining: '90000000' },
    ])
    const { data } = await gateway.graphql<{
      generateImage: { id: string; createdBy: { budgets: object[] } }
    }>(
      `mutation { generateImage(input: { ${request} }) { id createdBy { budgets { reserved } } } }`,
      {},
      bearer(finn.key),
    )
    expect(data.generateImage.createdBy.budgets).toEqual([
      { reserved: before.tokens.max },
      { reserved: before.cost.max.amountMicros },
    ])
    await gateway.graphql(
      'mutation ($id: ID!) { cancelOperation(id: $id) { id } }',
      { id: data.generateImage.id },
      admin,
    )
    const { budgets } = await estimate('{ kind: GENERATE }', finn.key)
    expect(budgets).toEqual(before.budgets)
  })
})

test('takes as many queries for the users of a page, with their keys, budgets and usage, as for one', async () => {
  const count = async (first: number) => {
    const counts: number[] = []
    for (let run = 0; run < 3; run++) {
      queries.length = 0
      const { errors } = await gateway.graphql(
        `{ users(first: ${first}) { edges { node { name budgets { limit } apiKeys { prefix } usage(${all}) { total { totalTokens } } } } } }`,
        {},
        admin,
      )
      expect(errors).toBeUndefined()
      counts.push(queries.length)
    }
    return Math.min(...counts)
  }
  for (const name of ['Gil', 'Hal']) await gateway.invite(name)
  expect(await count(6)).toBe(await count(1))
})
