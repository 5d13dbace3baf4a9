import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { admin, bearer, type GuardedGateway, startGuardedGateway } from '../kit/gateway/accounts.ts'
import { replyJson } from '../kit/upstream/replies.ts'
import { type ScriptedUpstream, startScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'

/*
 * Somebody has got hold of a token or a key, and tries to keep the access that it gives.
 */

let gateway: GuardedGateway
let issuer: ScriptedUpstream
let privateKey: CryptoKey

beforeAll(async () => {
  const pair = await generateKeyPair('ES256')
  privateKey = pair.privateKey
  issuer = await startScriptedUpstream()
  issuer.script(replyJson({ keys: [{ ...(await exportJWK(pair.publicKey)), kid: '1', alg: 'ES256' }] }))
  const file = `jwt: { issuer: https://issuer.example, audience: easel, jwksUrl: "${issuer.url}/jwks" }`
  gateway = await startGuardedGateway({ file })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await issuer.close()
})

const sign = (sub: string, exp: number) =>
  new SignJWT({ sub, iss: 'https://issuer.example', aud: 'easel', exp })
    .setProtectedHeader({ alg: 'ES256', kid: '1' })
    .sign(privateKey)
const inSeconds = (seconds: number) => Math.floor(Date.now() / 1000) + seconds

const viewer = async (key: string): Promise<string> => {
  const { data, errors } = await gateway.graphql<{ viewer: { id: string } }>(
    '{ viewer { id } }',
    {},
    bearer(key),
  )
  return errors ? `${errors[0]?.extensions.reason}` : data.viewer.id
}

const makeKey = async (userId: string, by: string, more: object = {}): Promise<string> => {
  const { data, errors } = await gateway.graphql<{ createApiKey: { secret: string } }>(
    'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret } }',
    { input: { userId, name: 'stay', ...more } },
    bearer(by),
  )
  return errors ? `${errors[0]?.extensions.reason}` : data.createApiKey.secret
}

test('a short token makes no key for ever', async () => {
  const token = await sign('leaver', inSeconds(60))
  const id = await viewer(token)
  expect(await makeKey(id, token)).toBe('API_KEY_EXPIRY_MISSING')
  expect(await makeKey(id, token, { expiresAt: '2100-01-01T00:00:00Z' })).toBe('OUT_OF_RANGE')
})

test('a key that a stolen key made goes with it, and what that one made', async () => {
  const { id, key, keyId } = await gateway.invite('Robbed')
  const second = await makeKey(id, key)
  const third = await makeKey(id, second)
  await gateway.graphql('mutation ($id: ID!) { revokeApiKey(id: $id) { id } }', { id: keyId }, admin)
  for (const each of [key, second, third]) expect(await viewer(each)).toBe('CREDENTIALS_INVALID')
})

test('whoever is locked out makes no new user, key or request with a token that is still good', async () => {
  const token = await sign('locked-out', inSeconds(600))
  const id = await viewer(token)
  await gateway.graphql('mutation ($id: ID!) { disableUser(id: $id) { id } }', { id }, admin)
  expect(await viewer(token)).toBe('USER_DISABLED')
  expect(await makeKey(id, token, { expiresAt: new Date(Date.now() + 60_000) })).toBe('USER_DISABLED')
  await gateway.graphql('mutation ($id: ID!) { deleteUser(id: $id) { id } }', { id }, admin)
  expect(await viewer(await sign('locked-out', inSeconds(900)))).toBe('USER_DELETED')
})

test.each([
  ['is no date', () => 1e300],
  ['is years away', () => inSeconds(3 * 366 * 86_400)],
])('a token whose end %s opens nothing', async (_, exp) => {
  expect(await viewer(await sign('for ever', exp()))).toBe('CREDENTIALS_INVALID')
})
