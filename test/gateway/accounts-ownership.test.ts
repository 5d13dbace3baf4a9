import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { globalId, nowhere, rawId } from '../kit/client/global-id.ts'
import {
  admin,
  bearer,
  type GuardedGateway,
  type Person,
  startGuardedGateway,
} from '../kit/gateway/accounts.ts'
import { type Edited, editAs } from './edits.ts'

let gateway: GuardedGateway
let ann: Person
let bob: Person
/** Two of Bob's before and after it: Prisma leaves out the one next to a cursor, so that one more would show. */
let anns: Edited
let bobs: Edited[]

beforeAll(async () => {
  gateway = await startGuardedGateway()
  ann = await gateway.invite('Ann')
  bob = await gateway.invite('Bob')
  const edit = async () => (await editAs(gateway, bob)).data.editImage
  const first = [await edit(), await edit()]
  anns = (await editAs(gateway, ann, { user: 'an end user of Ann', requestId: 'mine' })).data.editImage
  bobs = [...first, await edit(), await edit()]
})
afterAll(() => gateway[Symbol.asyncDispose]())

/** An answer without what differs from request to request anyway. */
const ask = async (query: string, variables: object, key = bob.key) => {
  const { data, errors } = await gateway.graphql(query, variables, bearer(key))
  return {
    data,
    errors: errors?.map(({ message, extensions: { requestId: _, ...extensions } }) => ({
      message,
      extensions,
    })),
  }
}

const noFault = () => expect(gateway.logged.filter(({ level }) => Number(level) >= 50)).toEqual([])

describe('what belongs to somebody else answers exactly as what is not there', () => {
  const byId: [string, string, string, () => string][] = [
    ['operation', 'query ($id: ID!) { operation(id: $id) { id } }', 'Operation', () => anns.id],
    [
      'cancelOperation',
      'mutation ($id: ID!) { cancelOperation(id: $id) { id } }',
      'Operation',
      () => anns.id,
    ],
    [
      'deleteOperation',
      'mutation ($id: ID!) { deleteOperation(id: $id) { id } }',
      'Operation',
      () => anns.id,
    ],
    ['revokeApiKey', 'mutation ($id: ID!) { revokeApiKey(id: $id) { id } }', 'ApiKey', () => ann.keyId],
    [
      'createApiKey',
      'mutation ($id: ID!) { createApiKey(input: { userId: $id, name: "x" }) { secret } }',
      'User',
      () => ann.id,
    ],
    [
      'setBudget',
      'mutation ($id: ID!) { setBudget(input: { userId: $id, period: DAY, unit: TOKENS, limit: "1" }) { id } }',
      'User',
      () => ann.id,
    ],
    [
      'imageId of an edit',
      'mutation ($id: ID!) { editImage(input: { prompt: "x", image: { imageId: $id } }) { id } }',
      'Image',
      () => anns.response.data[0]?.id ?? '',
    ],
    [
      'mask of an edit',
      'mutation ($id: ID!) { editImage(input: { prompt: "x", image: { imageId: $id }, mask: { imageId: $id } }) { id } }',
      'Image',
      () => anns.input.images[0]?.id ?? '',
    ],
    [
      'imageId of a variation',
      'mutation ($id: ID!) { createVariation(input: { image: { imageId: $id } }) { id } }',
      'Image',
      () => anns.input.images[0]?.id ?? '',
    ],
    [
      'filter of operations',
      'query ($id: ID!) { operations(filter: { userId: $id }) { edges { node { id } } } }',
      'User',
      () => ann.id,
    ],
    [
      'filter of usage',
      'query ($id: ID!) { usage(from: "2020-01-01T00:00:00Z", to: "2100-01-01T00:00:00Z", filter: { userId: [$id] }) { total { operations } } }',
      'User',
      () => ann.id,
    ],
  ]

  test.each(byId)('%s', async (_, query, type, id) => {
    const theirs = await ask(query, { id: id() })
    expect(theirs).toEqual(await ask(query, { id: globalId(type, nowhere) }))
    expect(JSON.stringify(theirs)).not.toContain('INTERNAL')
    noFault()
  })

  test.each(['partialImages', 'operationStatus'])('%s', async (field) => {
    const subscribe = async (id: string) => {
      const response = await fetch(`${gateway.url}/graphql/stream`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...bearer(bob.key) },
        body: JSON.stringify({
          query: `subscription ($id: ID!) { ${field}(operationId: $id) { sequence } }`,
          variables: { id },
        }),
      })
      return (await response.text()).replace(/"requestId":"[^"]*"/, '')
    }
    const theirs = await subscribe(anns.id)
    expect(theirs).toBe(await subscribe(globalId('Operation', nowhere)))
    expect(theirs).toContain('NOT_FOUND')
  })

  test('a cursor in the list of a user', async () => {
    const query =
      'query ($cursor: String) { viewer { after: operations(after: $cursor) { edges { node { id } } } before: operations(before: $cursor, last: 9) { edges { node { id } } } } }'
    const cursorOf = (id: string) => Buffer.from(`GPC:S:${id}`).toString('base64')
    const theirs = await ask(query, { cursor: cursorOf(rawId(anns.id)) })
    expect(theirs).toEqual(await ask(query, { cursor: cursorOf(nowhere) }))
    const own = await ask(query, { cursor: cursorOf(rawId(bobs[2]?.id ?? '')) })
    const edgesOf = (operations: Edited[]) => ({ edges: operations.map(({ id }) => ({ node: { id } })) })
    expect(own.data).toEqual({
      viewer: { after: edgesOf(bobs.slice(0, 2).reverse()), before: edgesOf(bobs.slice(3)) },
    })
    for (const malformed of ['GPC:S:------------------------------------', 'GPC:N:1', 'x', '']) {
      const cursor = Buffer.from(malformed).toString('base64')
      expect((await ask(query, { cursor })).errors).toMatchObject([
        { extensions: { code: 'BAD_USER_INPUT' } },
      ])
    }
    noFault()
  })

  test('a requestId, which everybody has an own one of', async () => {
    const cem = await gateway.invite('Cem')
    const { data } = await editAs(gateway, cem, { prompt: 'another request', requestId: 'mine' })
    expect(data.editImage).toMatchObject({ status: 'SUCCEEDED', createdBy: { name: 'Cem' } })
    expect(data.editImage.id).not.toBe(anns.id)
  })

  test('an export', async () => {
    const download = async (userId: string, key = bob.key) => {
      const range = 'from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z&groupBy=USER,END_USER'
      const response = await fetch(`${gateway.url}/usage.csv?${range}&userId=${userId}`, {
        headers: bearer(key),
      })
      return { status: response.status, text: (await response.text()).replace(/"requestId":"[^"]*"/, '') }
    }
    const theirs = await download(ann.id)
    expect(theirs).toEqual(await download(globalId('User', nowhere)))
    expect(theirs.status).toBe(403)
    expect(await download(rawId(ann.id))).toEqual(theirs)
    expect(await download('x')).toMatchObject({ status: 400, text: expect.stringContaining('userId') })
    const own = await download(bob.id)
    expect(own).toEqual(await download(rawId(bob.id)))
    expect(own.text).toContain(rawId(bob.id))
    expect(own.text).not.toContain('end user of Ann')
    const byAdmin = await download(ann.id, 'the-key-of-the-first-admin')
    expect(byAdmin.text).toContain('an end user of Ann')
    expect(byAdmin.text).not.toContain(rawId(bob.id))
  })
})

describe('a member', () => {
  const everything = `id name role budgets { limit } apiKeys { id user { id } } operations { edges { node { id createdBy { id } } } }
    usage(from: "2020-01-01T00:00:00Z", to: "2100-01-01T00:00:00Z") { total { operations } }`

  test('sees itself and its own, from wherever it begins', async () => {
    const { data, errors } = await ask(
      `{ viewer { ${everything} } operations { edges { node { id createdBy { ${everything} } response { data { operation { createdBy { id } } } } } } } }`,
      {},
    )
    expect(errors).toBeUndefined()
    const text = JSON.stringify(data)
    for (const foreign of [ann.id, ann.keyId, anns.id, 'Ann']) expect(text).not.toContain(foreign)
    for (const own of [bob.id, bob.keyId, bobs[0]?.id ?? '-']) expect(text).toContain(own)
  })

  test.each([
    '{ users { edges { node { id } } } }',
    'mutation { createUser(input: { name: "me", role: ADMIN }) { id } }',
    'mutation { verifyUsage { agrees } }',
    'mutation { verifyUsage(repair: true) { agrees } }',
  ])('may not %s', async (query) => {
    const { data, errors } = await ask(query, {})
    expect([data, errors?.[0]?.extensions.code]).toEqual([null, 'FORBIDDEN'])
  })

  test('makes and revokes its own keys, of which the working ones come first', async () => {
    const dora = await gateway.invite('Dora')
    const query = `mutation ($id: ID!, $name: String!) { createApiKey(input: { userId: $id, name: $name }) { secret apiKey { id } } }`
    const create = async (name: string) => {
      const { data } = await gateway.graphql<{ createApiKey: { secret: string; apiKey: { id: string } } }>(
        query,
        { id: dora.id, name },
        bearer(dora.key),
      )
      return data.createApiKey
    }
    const phone = await create('phone')
    const tablet = await create('tablet')
    const revoke = 'mutation ($id: ID!) { revokeApiKey(id: $id) { revokedAt } }'
    expect((await ask(revoke, { id: phone.apiKey.id }, tablet.secret)).errors).toBeUndefined()
    expect((await ask('{ viewer { id } }', {}, phone.secret)).errors).toMatchObject([
      { extensions: { code: 'UNAUTHENTICATED', reason: 'CREDENTIALS_INVALID' } },
    ])
    const { data } = await gateway.graphql<{ viewer: { apiKeys: { name: string }[] } }>(
      '{ viewer { apiKeys { name } } }',
      {},
      bearer(dora.key),
    )
    expect(data.viewer.apiKeys.map(({ name }) => name)).toEqual(['tablet', 'laptop', 'phone'])
  })
})

test('an admin sees everybody, and uses no image but its own', async () => {
  const { data } = await gateway.graphql<{ node: { name: string } }>(
    'query ($id: ID!) { node(id: $id) { ... on User { name apiKeys { prefix } operations { edges { node { id } } } } } }',
    { id: ann.id },
    admin,
  )
  expect(data.node).toMatchObject({ name: 'Ann', operations: { edges: [{ node: { id: anns.id } }] } })
  const { errors } = await gateway.graphql(
    'mutation ($id: ID!) { editImage(input: { prompt: "x", image: { imageId: $id } }) { id } }',
    { id: anns.response.data[0]?.id },
    admin,
  )
  expect(errors).toMatchObject([{ extensions: { code: 'NOT_FOUND', field: 'input.image.0' } }])
})

test('says which user is missing when a budget is set or taken away', async () => {
  for (const limit of ['5', null]) {
    const { errors } = await gateway.graphql(
      'mutation ($id: ID!, $limit: BigInt) { setBudget(input: { userId: $id, period: DAY, unit: TOKENS, limit: $limit }) { id } }',
      { id: globalId('User', nowhere), limit },
      admin,
    )
    expect(errors).toMatchObject([{ extensions: { code: 'NOT_FOUND', field: 'input.userId' } }])
  }
})
