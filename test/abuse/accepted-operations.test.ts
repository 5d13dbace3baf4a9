import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  admin,
  bearer,
  type GuardedGateway,
  type Person,
  startGuardedGateway,
} from '../kit/gateway/accounts.ts'

/*
 * Whoever asks for much in one document learns what of it was accepted, and so what it pays for, even if the rest failed.
 */

let gateway: GuardedGateway
beforeAll(async () => {
  gateway = await startGuardedGateway()
})
afterAll(() => gateway[Symbol.asyncDispose]())

const asked = '{ prompt: "a fox", model: "sandbox/gpt-image-1", quality: MEDIUM, size: "1024x1024" }'
const dozens = Array.from({ length: 30 }, (_, index) => `a${index}: generateImage(input: ${asked}) { id }`)
const document = `mutation { ${dozens.join(' ')} }`

/** Gives a new user a budget that holds so many of the operations asked for. */
async function withRoomFor(count: number): Promise<Person> {
  const person = await gateway.invite('Mallory')
  const { data } = await gateway.graphql<{ estimateCost: { tokens: { max: number } } }>(
    'query { estimateCost(input: { kind: GENERATE, prompt: "a fox", model: "sandbox/gpt-image-1", quality: MEDIUM, size: "1024x1024" }) { tokens { max } } }',
    {},
    bearer(person.key),
  )
  await gateway.graphql(
    'mutation ($userId: ID!, $limit: BigInt) { setBudget(input: { userId: $userId, period: TOTAL, unit: TOKENS, limit: $limit }) { id } }',
    { userId: person.id, limit: `${data.estimateCost.tokens.max * count}` },
    admin,
  )
  return person
}

async function operationsOf({ key }: Person): Promise<string[]> {
  const { data } = await gateway.graphql<{ operations: { edges: { node: { id: string } }[] } }>(
    '{ operations(first: 100) { edges { node { id } } } }',
    {},
    bearer(key),
  )
  return data.operations.edges.map(({ node }) => node.id).reverse()
}

test('MON-15: 30 aliases under a budget for two: the answer tells the two that were accepted', async () => {
  const mallory = await withRoomFor(2)
  const answer = await gateway.graphql(document, {}, bearer(mallory.key))
  expect(answer.data).toBe(null)
  expect(answer.errors).toMatchObject([{ path: ['a2'], extensions: { code: 'BUDGET_EXCEEDED' } }])
  const [first, second, ...others] = await operationsOf(mallory)
  expect(others).toEqual([])
  expect(answer.extensions).toEqual({
    accepted: [
      { path: ['a0'], operationId: first },
      { path: ['a1'], operationId: second },
    ],
  })
})

test('MON-15: on an event stream it tells them too', async () => {
  const mallory = await withRoomFor(1)
  const response = await fetch(`${gateway.url}/graphql/stream`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...bearer(mallory.key) },
    body: JSON.stringify({ query: document }),
  })
  const text = await response.text()
  const [operationId] = await operationsOf(mallory)
  expect(text).toContain(JSON.stringify({ accepted: [{ path: ['a0'], operationId }] }))
})

test('an answer without errors has no such list, and neither has one of which nothing was accepted', async () => {
  const rich = await withRoomFor(40)
  const paid = `mutation { generateImage(input: ${asked}) { id } }`
  expect(await gateway.graphql(paid, {}, bearer(rich.key))).toEqual({
    data: { generateImage: { id: expect.any(String) } },
  })
  const poor = await withRoomFor(0)
  expect(await gateway.graphql(paid, {}, bearer(poor.key))).not.toHaveProperty('extensions')
})
