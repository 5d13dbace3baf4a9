import { afterAll, beforeAll, expect, test } from 'vitest'
import { globalId, nowhere, rawId } from '../kit/client/global-id.ts'
import {
  admin,
  bearer,
  type GuardedGateway,
  type Person,
  startGuardedGateway,
} from '../kit/gateway/accounts.ts'
import { editAs } from './edits.ts'

let gateway: GuardedGateway
let bob: Person
/** What Ann has, by its type. */
let theirs: Record<string, string>

beforeAll(async () => {
  gateway = await startGuardedGateway()
  const ann = await gateway.invite('Ann')
  bob = await gateway.invite('Bob')
  for (const person of [bob, bob]) await editAs(gateway, person)
  const { data } = await editAs(gateway, ann)
  const { id, response } = data.editImage
  theirs = { User: ann.id, ApiKey: ann.keyId, Operation: id, Image: response.data[0]?.id ?? '' }
})
afterAll(() => gateway[Symbol.asyncDispose]())

const node = (id: string) =>
  gateway.graphql('query ($id: ID!) { node(id: $id) { id __typename } }', { id }, bearer(bob.key))

test.each(['User', 'ApiKey', 'Operation', 'Image'])(
  'node finds no %s of others, as there were none',
  async (type) => {
    expect(await node(theirs[type] ?? '')).toEqual({ data: { node: null } })
    expect(await node(globalId(type, nowhere))).toEqual({ data: { node: null } })
  },
)

test.each([
  ...['Budget', 'UsageRecord', 'OperationMetadata', 'Nothing', 'constructor', '__proto__'].map((type) =>
    globalId(type, nowhere),
  ),
  globalId('User', 'x'),
  'x',
  '',
])('node refuses an id that is none: %j', async (id) => {
  const { errors } = await node(id)
  expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', reason: 'ID_MALFORMED' } }])
})

test.each([
  'query ($id: ID!) { operation(id: $id) { id } }',
  'mutation ($id: ID!) { cancelOperation(id: $id) { id } }',
  'mutation ($id: ID!) { revokeApiKey(id: $id) { id } }',
  'mutation ($id: ID!) { createApiKey(input: { userId: $id, name: "x" }) { secret } }',
  'mutation ($id: ID!) { setBudget(input: { userId: $id, period: DAY, unit: TOKENS }) { id } }',
  'query ($id: ID!) { operations(filter: { userId: $id }) { edges { node { id } } } }',
  'mutation ($id: ID!) { createVariation(input: { image: { imageId: $id } }) { id } }',
])('refuses the id of another kind of thing: %s', async (query) => {
  const id = /operation\(|cancel|imageId/.test(query) ? theirs.User : theirs.Operation
  const { errors } = await gateway.graphql(query, { id }, admin)
  expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
})

test('a cursor of somebody else opens no page, as one that leads nowhere', async () => {
  const list = async (id: string, key = bob.key) => {
    const after = Buffer.from(`GPC:S:${id}`).toString('base64')
    const query = 'query ($after: String) { operations(after: $after) { edges { node { id } } } }'
    const { data, errors } = await gateway.graphql<{ operations: { edges: object[] } }>(
      query,
      { after },
      bearer(key),
    )
    return errors?.[0]?.extensions.code ?? data.operations.edges.length
  }
  const foreign = rawId(theirs.Operation ?? '')
  expect([await list(foreign), await list(nowhere)]).toEqual([0, 0])
  expect(await list(foreign, 'the-key-of-the-first-admin')).toBe(2)
  expect(await list('------------------------------------')).toBe('BAD_USER_INPUT')
})

test('a time before the first year is refused', async () => {
  const { errors } = await gateway.graphql(
    'query ($from: DateTime) { operations(filter: { createdFrom: $from }) { edges { node { id } } } }',
    { from: '0000-01-01T00:00:00Z' },
    admin,
  )
  expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
})

test('nothing of this was a fault of the gateway', () => {
  expect(gateway.logged.filter(({ level }) => Number(level) >= 50)).toEqual([])
})
