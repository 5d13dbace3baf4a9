import { once } from 'node:events'
import { connect } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { adminKey, bearer, type GuardedGateway, startGuardedGateway } from '../kit/gateway/accounts.ts'
import { makeGatewayHome, startTestGateway, type TestGatewayOptions } from '../kit/gateway/test-gateway.ts'
import { removeFolder } from '../kit/temporary-folder.ts'
import { until } from '../kit/until.ts'
import { replyJson } from '../kit/upstream/replies.ts'
import { startScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'
import { editAs } from './edits.ts'

describe('a gateway with authentication', () => {
  let gateway: GuardedGateway
  beforeAll(async () => {
    gateway = await startGuardedGateway()
  })
  afterAll(() => gateway[Symbol.asyncDispose]())

  test.each([
    ['/graphql', 'POST'],
    ['/graphql?query={viewer{id}}', 'GET'],
    ['/graphql/stream', 'POST'],
    ['/graphql/stream', 'PUT'],
    ['/usage.csv?from=2020-01-01T00:00:00Z&to=2021-01-01T00:00:00Z', 'GET'],
  ])('opens %s (%s) to nobody without a key that is valid', async (path, method) => {
    const headers = { accept: 'application/json', 'content-type': 'application/json' }
    const body = method === 'POST' ? '{"query":"{viewer{id}}"}' : null
    const wrongs: Record<string, string>[] = [
      {},
      bearer('easel_wrong'),
      bearer(`${adminKey}x`),
      { 'x-api-key': 'a.b.c' },
    ]
    for (const wrong of wrongs) {
      const response = await fetch(`${gateway.url}${path}`, {
        method,
        body,
        headers: { ...headers, ...wrong },
      })
      expect(response.status).toBe(401)
      expect(await response.text()).toContain('UNAUTHENTICATED')
    }
  })

  test('refuses a wrong key before a byte of the body has been sent', async () => {
    const { hostname, port } = new URL(gateway.url)
    const socket = connect(Number(port), hostname)
    const head = [
      'POST /graphql HTTP/1.1',
      `host: ${hostname}:${port}`,
      'authorization: Bearer wrong',
      'content-type: multipart/form-data; boundary=x',
      'content-length: 800000000',
    ]
    socket.write(`${head.join('\r\n')}\r\n\r\n`)
    const [answer] = await once(socket, 'data')
    socket.destroy()
    expect(String(answer)).toMatch(/^HTTP\/1\.1 401 /)
  })

  test('ends a running stream when its key is revoked, and not the streams of other keys', async () => {
    const ann = await gateway.invite('Ann')
    const sent = gateway.sandbox?.requests().length ?? 0
    const letGo = gateway.sandbox?.hold(0) ?? (() => {})
    onTestFinished(letGo)
    const { data } = await gateway.graphql<{ generateImage: { id: string } }>(
      'mutation { generateImage(input: { prompt: "slow", quality: LOW }) { id } }',
      {},
      bearer(ann.key),
    )
    const watch = (key: string) =>
      fetch(`${gateway.url}/graphql/stream`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...bearer(key) },
        body: JSON.stringify({
          query: 'subscription ($id: ID!) { operationStatus(operationId: $id) { sequence status } }',
          variables: { id: data.generateImage.id },
        }),
      })
    const [mine, admins] = await Promise.all([watch(ann.key), watch(adminKey)])
    // What was sent goes on under a revoked key; what was not would end.
    await until(() => (gateway.sandbox?.requests().length ?? 0) > sent)
    await gateway.graphql(
      'mutation ($id: ID!) { revokeApiKey(id: $id) { id } }',
      { id: ann.keyId },
      bearer(adminKey),
    )
    const ended = await mine.text()
    letGo()
    expect(ended).toContain('ACCESS_REVOKED')
    expect(ended).not.toContain('SUCCEEDED')
    expect(await admins.text()).toContain('SUCCEEDED')
    expect(await (await watch(ann.key)).text()).toContain('UNAUTHENTICATED')
  })
})

test('keys and image addresses live on while secrets change, and end with the secret they were made with', async () => {
  const home = await makeGatewayHome()
  const [first, second] = ['the-first-secret-of-all', 'the-second-secret-of-all']
  const start = (EASEL_URL_SECRET: string) => startGuardedGateway({ ...home, env: { EASEL_URL_SECRET } })

  const before = await start(first)
  const ann = await before.invite('Ann')
  const { data } = await editAs(before, ann)
  const url = new URL(data.editImage.response.data[0]?.url ?? '')
  const pathname = `${url.pathname}${url.search}`
  await before[Symbol.asyncDispose]()

  const during = await start(`${second},${first}`)
  expect((await fetch(`${during.url}${pathname}`)).status).toBe(200)
  expect((await during.graphql('{ viewer { name } }', {}, bearer(ann.key))).data).toEqual({
    viewer: { name: 'Ann' },
  })
  const pseudonyms = async (gateway: GuardedGateway) => {
    await editAs(gateway, { key: adminKey }, { user: 'ada@example.com' })
    return gateway.sandbox?.requests().at(-1)?.parameters.user
  }
  const pseudonym = await pseudonyms(during)
  await during[Symbol.asyncDispose]()

  const after = await start(second)
  expect((await fetch(`${after.url}${pathname}`)).status).toBe(403)
  expect((await after.graphql('{ viewer { name } }', {}, bearer(ann.key))).data).toEqual({
    viewer: { name: 'Ann' },
  })
  await after[Symbol.asyncDispose]()

  const again = await start(first)
  expect(await pseudonyms(again)).toBe(pseudonym)
  expect(pseudonym).toMatch(/^[\w-]{43}$/)
  await again[Symbol.asyncDispose]()
  await removeFolder(home.folder)
})

test('takes the key of a user for EASEL_ADMIN_KEY from nobody', async () => {
  const home = await makeGatewayHome()
  const gateway = await startGuardedGateway(home)
  const { key } = await gateway.invite('Ann')
  await gateway[Symbol.asyncDispose]()
  await expect(startGuardedGateway({ ...home, env: { EASEL_ADMIN_KEY: key } })).rejects.toMatchObject({
    name: 'EaselError',
    details: { field: 'EASEL_ADMIN_KEY', reason: 'API_KEY_TAKEN' },
  })
  await removeFolder(home.folder)
})

test('refuses to start open to everybody on an address that others reach', async () => {
  const env = { EASEL_AUTH: 'off', HOST: '0.0.0.0' }
  await expect(startGuardedGateway({ env })).rejects.toMatchObject({ name: 'ConfigError' })
})

test('says at the start who may come in', async () => {
  const home = await makeGatewayHome()
  const file =
    'jwt: { issuer: https://issuer.example, audience: easel, jwksUrl: "https://issuer.example/jwks" }'
  const accessOf = async (options: TestGatewayOptions) => {
    await using gateway = await startTestGateway({ ...home, ...options })
    expect(gateway.welcome).toContain(`Access     ${gateway.access}\n`)
    return gateway.access
  }
  expect(await accessOf({})).toBe('everybody on this machine, as the administrator "local"')
  const closed = { NODE_ENV: 'production' }
  expect(await accessOf({ env: closed })).toMatch(/^nobody yet: set EASEL_ADMIN_KEY, or jwt /)
  expect(await accessOf({ file })).toBe('holders of tokens of https://issuer.example')
  expect(await accessOf({ env: { EASEL_ADMIN_KEY: adminKey } })).toBe('holders of API keys')
  // The admin's key went with the variable, and with it the only way in.
  expect(await accessOf({ env: closed })).toMatch(/^nobody yet/)
  await removeFolder(home.folder)
})

test('goes on letting in the holders of keys when the admin has none', async () => {
  const home = await makeGatewayHome()
  const env = { EASEL_ADMIN_KEY: adminKey }
  const first = await startGuardedGateway({ ...home, env })
  const { key } = await first.invite('Ann')
  await first[Symbol.asyncDispose]()
  {
    await using gateway = await startTestGateway({ ...home, env: { NODE_ENV: 'production' } })
    expect(gateway.access).toBe('holders of API keys')
    const { data } = await gateway.graphql<{ viewer: { name: string } }>(
      '{ viewer { name } }',
      {},
      bearer(key),
    )
    expect(data.viewer.name).toBe('Ann')
  }
  await removeFolder(home.folder)
})

test('makes a member of whoever brings a token of the issuer, with usage of its own', async () => {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const issuer = await startScriptedUpstream()
  issuer.script(replyJson({ keys: [{ ...(await exportJWK(publicKey)), kid: '1', alg: 'ES256' }] }))
  const jwksUrl = `${issuer.url}/jwks`
  const file = `jwt: { issuer: https://issuer.example, audience: easel, jwksUrl: "${jwksUrl}", userClaim: email }`
  const gateway = await startGuardedGateway({ file })
  const token = await new SignJWT({ email: 'ada@example.com', name: 'Ada', role: 'ADMIN' })
    .setProtectedHeader({ alg: 'ES256', kid: '1' })
    .setIssuer('https://issuer.example')
    .setAudience('easel')
    .setExpirationTime('5m')
    .sign(privateKey)
  const { data } = await editAs(gateway, { key: token })
  expect(data.editImage.createdBy.name).toBe('Ada')
  const viewer = await gateway.graphql(
    '{ viewer { name role usage(from: "2020-01-01T00:00:00Z", to: "2100-01-01T00:00:00Z") { total { operations } } } }',
    {},
    bearer(token),
  )
  expect(viewer.data).toEqual({
    viewer: { name: 'Ada', role: 'MEMBER', usage: { total: { operations: 1 } } },
  })
  await issuer.close()
  await gateway[Symbol.asyncDispose]()
})
