import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { admin, bearer, type GuardedGateway, startGuardedGateway } from '../kit/gateway/accounts.ts'
import { editAs } from './edits.ts'

const document = `query ($from: DateTime!, $to: DateTime!) { providerLosses(from: $from, to: $to) {
  rows { totalTokens cost { amountMicros currency } createdAt
    operation { id description createdBy { name } metadata { upstreamRequestIds } error { reason } } }
  total { operations totalTokens costs { amountMicros currency } } } }`

interface Losses {
  providerLosses: {
    rows: {
      totalTokens: string
      cost: { amountMicros: string; currency: string }
      operation: { id: string; createdBy: { name: string }; error: { reason: string } }
    }[]
    total: { operations: number; totalTokens: string; costs: { amountMicros: string; currency: string }[] }
  }
}

const hourMs = 3_600_000
/** What a case has lost: from now on, and nothing of the cases before. */
const fromNow = () => ({ from: new Date(), to: new Date(Date.now() + hourMs) })
let gateway: GuardedGateway

beforeAll(async () => {
  gateway = await startGuardedGateway()
})
afterAll(() => gateway[Symbol.asyncDispose]())

const ask = (headers: HeadersInit, variables: object) => gateway.graphql<Losses>(document, variables, headers)

describe('what the house lost', () => {
  test('is nothing as long as everybody got what was paid for', async () => {
    const range = fromNow()
    await editAs(gateway, await gateway.invite('Bob'))
    const { data } = await ask(admin, range)
    expect(data.providerLosses).toEqual({ rows: [], total: { operations: 0, totalTokens: '0', costs: [] } })
  })

  test('is shown to an admin: whose operation it was, why, and the most it may have cost', async () => {
    const range = fromNow()
    const member = await gateway.invite('Ada')
    const input = {
      prompt: 'a raft [sandbox:reset]',
      model: 'sandbox/gpt-image-1',
      size: '1024x1024',
      quality: 'LOW',
    }
    const { data } = await gateway.graphql<{ generateImage: { id: string } }>(
      'mutation ($input: GenerateImageInput!) { generateImage(input: $input) { id } }',
      { input },
      bearer(member.key),
    )
    await ended(data.generateImage.id)
    const { rows, total } = (await ask(admin, range)).data.providerLosses
    expect(rows).toMatchObject([
      {
        operation: {
          id: data.generateImage.id,
          createdBy: { name: 'Ada' },
          error: { reason: 'UPSTREAM_OUTCOME_UNKNOWN' },
        },
      },
    ])
    const [row] = rows
    expect(Number(row?.totalTokens)).toBeGreaterThan(200)
    expect(Number(row?.cost.amountMicros)).toBeGreaterThan(1_000)
    expect(total).toEqual({ operations: 1, totalTokens: row?.totalTokens, costs: [row?.cost] })

    expect((await ask(bearer(member.key), range)).errors?.[0]?.extensions.code).toBe('FORBIDDEN')
  })

  test('is asked for by a time that ends after it begins', async () => {
    const { from, to } = fromNow()
    const { errors } = await ask(admin, { from: to, to: from })
    expect(errors?.[0]?.extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      reason: 'RANGE_EMPTY',
      field: 'to',
    })
    const before = { from: new Date(0), to: new Date(from.getTime() - hourMs) }
    expect((await ask(admin, before)).data.providerLosses.rows).toEqual([])
  })
})

async function ended(id: string): Promise<void> {
  const response = await fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: { ...admin, 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({
      query: 'subscription ($id: ID!) { operationStatus(operationId: $id) { status } }',
      variables: { id },
    }),
  })
  await response.text()
}
