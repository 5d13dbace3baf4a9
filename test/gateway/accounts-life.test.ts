import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { rawId } from '../kit/client/global-id.ts'
import { admin, bearer, type GuardedGateway, startGuardedGateway } from '../kit/gateway/accounts.ts'
import { editAs } from './edits.ts'

let gateway: GuardedGateway
beforeAll(async () => {
  gateway = await startGuardedGateway({ file: 'limits: { concurrentOperations: 1 }' })
})
afterAll(() => gateway[Symbol.asyncDispose]())

const ask = <Data = Record<string, never>>(query: string, variables: object = {}, headers = admin) =>
  gateway.graphql<Data>(query, { ...variables }, headers)

const act = async (name: string, id: string, more = '') => {
  const { data, errors } = await ask<Record<string, { id: string }>>(
    `mutation ($id: ID!) { ${name}(id: $id${more}) { id } }`,
    { id },
  )
  return errors?.[0]?.extensions ?? data[name]
}

const generate = async (key: string, prompt: string, model: string | null = null) => {
  const { data, errors } = await ask<{ generateImage: { id: string } }>(
    'mutation ($input: GenerateImageInput!) { generateImage(input: $input) { id } }',
    { input: { prompt, quality: 'LOW', model } },
    bearer(key),
  )
  return { id: data?.generateImage.id ?? '', refusal: errors?.[0]?.extensions }
}

const stateOf = async (id: string) => {
  const { data } = await ask<{ operation: { status: string; error: { reason: string } | null } }>(
    'query ($id: ID!) { operation(id: $id) { status error { reason } } }',
    { id },
  )
  return data.operation
}

const stream = (key: string, id: string) =>
  fetch(`${gateway.url}/graphql/stream`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...bearer(key) },
    body: JSON.stringify({
      query: 'subscription ($id: ID!) { operationStatus(operationId: $id) { status } }',
      variables: { id },
    }),
  })

test('disabling a user ends what waits and its streams, and not what a provider is at work on', async () => {
  const ann = await gateway.invite('Ann')
  const letGo = gateway.sandbox?.hold(0) ?? (() => {})
  onTestFinished(letGo)
  const runs = await generate(ann.key, 'it runs')
  const watching = await stream(ann.key, runs.id)
  for (let status = ''; status !== 'RUNNING'; ) status = (await stateOf(runs.id)).status
  while ((gateway.sandbox?.requests().length ?? 0) === 0) await stateOf(runs.id)
  const waits = await generate(ann.key, 'it waits')
  expect(await act('disableUser', ann.id)).toEqual({ id: ann.id })
  expect(await watching.text()).toContain('ACCESS_REVOKED')
  expect(await stateOf(waits.id)).toEqual({ status: 'FAILED', error: { reason: 'ACCESS_REVOKED' } })
  const refused = await ask('{ viewer { id } }', {}, bearer(ann.key))
  expect(refused.errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED', reason: 'USER_DISABLED' } }])
  letGo()
  while ((await stateOf(runs.id)).status === 'RUNNING');
  expect(await stateOf(runs.id)).toMatchObject({ status: 'SUCCEEDED' })
  await act('enableUser', ann.id)
  expect((await generate(ann.key, 'again')).refusal).toBeUndefined()
})

test('a stream on which nothing runs says why it ends', async () => {
  const ann = await gateway.invite('Idle')
  const { url } = gateway
  const reserved = await fetch(`${url}/graphql/stream`, { method: 'PUT', headers: bearer(ann.key) })
  const token = await reserved.text()
  const opened = await fetch(`${url}/graphql/stream?token=${token}`, {
    headers: { accept: 'text/event-stream', ...bearer(ann.key) },
  })
  await act('revokeApiKey', ann.keyId)
  expect(await opened.text()).toContain('ACCESS_REVOKED')
})

test('a deleted user keeps its usage, without its name and its images', async () => {
  const ann = await gateway.invite('To be forgotten')
  await editAs(gateway, ann)
  expect(await act('deleteUser', ann.id)).toEqual({ id: ann.id })
  const { data } = await ask<{ node: object }>(
    `query ($id: ID!) { node(id: $id) { ... on User { name role apiKeys { name }
       usage(from: "2020-01-01T00:00:00Z", to: "2100-01-01T00:00:00Z") { total { operations images } } } } }`,
    { id: ann.id },
  )
  expect(data.node).toEqual({
    name: 'Deleted',
    role: 'MEMBER',
    apiKeys: [{ name: 'Deleted' }],
    usage: { total: { operations: 1, images: 1 } },
  })
  expect(await act('setUserRole', ann.id, ', role: ADMIN')).toMatchObject({ reason: 'USER_DELETED' })
})

test('a key that is limited to models sees and uses these only', async () => {
  const ann = await gateway.invite('Limited')
  const { data } = await ask<{ models: { id: string; name: string }[] }>('{ models { id name } }')
  const [mine, other] = [data.models[0]?.name ?? '', data.models.at(-1)?.id ?? '']
  const create = (models: string[]) =>
    ask<{ createApiKey: { secret: string; apiKey: object } }>(
      `mutation ($input: CreateApiKeyInput!) {
         createApiKey(input: $input) { secret apiKey { models expiresAt madeWithKey alsoRevoked } } }`,
      { input: { userId: ann.id, name: 'x', models, expiresAt: '2100-01-01T00:00:00Z' } },
    )
  expect((await create(['no-such-model'])).errors).toMatchObject([
    { extensions: { reason: 'MODEL_UNKNOWN', field: 'input.models.0' } },
  ])
  expect((await create([])).errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
  const { secret, apiKey } = (await create([mine])).data.createApiKey
  expect(apiKey).toEqual({
    models: [mine],
    expiresAt: '2100-01-01T00:00:00.000Z',
    madeWithKey: true,
    alsoRevoked: 0,
  })
  const seen = await ask<{ models: { name: string }[]; model: null }>(
    'query ($id: ID!) { models { name } model(id: $id) { name } }',
    { id: other },
    bearer(secret),
  )
  expect([...new Set(seen.data.models.map(({ name }) => name))]).toEqual([mine])
  expect(seen.data.model).toBeNull()
  expect((await generate(secret, 'x', other)).refusal).toMatchObject({
    code: 'FORBIDDEN',
    reason: 'MODEL_NOT_ALLOWED',
    field: 'input.model',
    allowed: [mine],
  })
  const estimate = await ask(
    'query ($input: CostEstimateInput!) { estimateCost(input: $input) { certainty } }',
    { input: { kind: 'GENERATE', model: other } },
    bearer(secret),
  )
  expect(estimate.errors).toMatchObject([{ extensions: { reason: 'MODEL_NOT_ALLOWED' } }])
})

test('revoking a key, or all of a user, says how many went', async () => {
  const ann = await gateway.invite('Many')
  const make = async (key: string) => {
    const { data } = await ask<{ createApiKey: { secret: string } }>(
      'mutation ($id: ID!) { createApiKey(input: { userId: $id, name: "x" }) { secret } }',
      { id: ann.id },
      bearer(key),
    )
    return data.createApiKey.secret
  }
  await make(await make(ann.key))
  const revoked = await ask(
    'mutation ($id: ID!) { revokeApiKey(id: $id) { alsoRevoked } }',
    { id: ann.keyId },
    bearer(ann.key),
  )
  expect(revoked.data).toEqual({ revokeApiKey: { alsoRevoked: 2 } })
  const query = 'mutation ($id: ID!) { revokeAllKeys(userId: $id) { count user { name } } }'
  expect((await ask(query, { id: ann.id })).data).toEqual({
    revokeAllKeys: { count: 0, user: { name: 'Many' } },
  })
})

test('the audit log is for admins, newest first, by user and by act, budgets too', async () => {
  const ann = await gateway.invite('Audited')
  await ask(
    'mutation ($id: ID!) { setBudget(input: { userId: $id, period: DAY, unit: TOKENS, limit: "5" }) { id } }',
    { id: ann.id },
  )
  const query = `query ($id: ID, $action: AuditAction, $first: Int, $after: String) {
    auditLog(userId: $id, action: $action, first: $first, after: $after) {
      edges { node { action details actor { name } actorKey { name } user { id } key { id } } }
      pageInfo { hasNextPage endCursor } } }`
  interface Page {
    auditLog: {
      edges: { node: { action: string; details: object } }[]
      pageInfo: { hasNextPage: boolean; endCursor: string }
    }
  }
  const read = (variables: object) => ask<Page>(query, { id: ann.id, ...variables })
  const first = (await read({ first: 1 })).data.auditLog
  expect(first.edges).toEqual([
    {
      node: {
        action: 'SET_BUDGET',
        details: { period: 'DAY', unit: 'TOKENS', limit: '5' },
        actor: { name: 'admin' },
        actorKey: { name: 'EASEL_ADMIN_KEY' },
        user: { id: ann.id },
        key: null,
      },
    },
  ])
  expect(first.pageInfo.hasNextPage).toBe(true)
  const rest = (await read({ after: first.pageInfo.endCursor })).data.auditLog
  expect(rest.edges.map(({ node }) => node.action)).toEqual(['CREATE_API_KEY', 'CREATE_USER'])
  const created = (await read({ action: 'CREATE_USER' })).data.auditLog
  expect(created.edges).toMatchObject([{ node: { details: { role: 'MEMBER' } } }])
  const { errors } = await ask(query, {}, bearer(ann.key))
  expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }])
})

test.each(['disableUser', 'enableUser', 'deleteUser'])('%s is for admins only', async (name) => {
  const [ann, bob] = [await gateway.invite(`A ${name}`), await gateway.invite(`B ${name}`)]
  for (const id of [ann.id, bob.id]) {
    const { errors } = await ask(`mutation ($id: ID!) { ${name}(id: $id) { id } }`, { id }, bearer(ann.key))
    expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }])
  }
  expect(rawId(ann.id)).toMatch(/^[0-9a-f-]{36}$/)
})

test('nobody becomes an admin by itself, and nobody revokes what is another’s', async () => {
  const [ann, bob] = [await gateway.invite('Climber'), await gateway.invite('Owner')]
  const tries = [
    'mutation ($mine: ID!) { setUserRole(id: $mine, role: ADMIN) { id } }',
    'mutation ($other: ID!) { revokeAllKeys(userId: $other) { count } }',
  ]
  for (const query of tries) {
    const { errors } = await ask(query, { mine: ann.id, other: bob.id }, bearer(ann.key))
    expect(errors?.[0]?.extensions.code).toBe('FORBIDDEN')
  }
})
