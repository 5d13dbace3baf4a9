import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { admin, adminKey, bearer, type GuardedGateway, startGuardedGateway } from '../kit/gateway/accounts.ts'
import { type GatewayHome, makeGatewayHome } from '../kit/gateway/test-gateway.ts'
import { removeFolder } from '../kit/temporary-folder.ts'
import { replyJson } from '../kit/upstream/replies.ts'
import { type ScriptedUpstream, startScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'

const { privateKey, publicKey } = await generateKeyPair('ES256')
let issuer: ScriptedUpstream
let home: GatewayHome
let jwt: string

beforeAll(async () => {
  issuer = await startScriptedUpstream()
  issuer.script(replyJson({ keys: [{ ...(await exportJWK(publicKey)), kid: '1', alg: 'ES256' }] }))
  home = await makeGatewayHome()
  jwt = `jwt: { issuer: https://issuer.example, audience: easel, jwksUrl: "${issuer.url}/jwks" }\n`
})
afterAll(async () => {
  await issuer.close()
  await removeFolder(home.folder)
})

const tokenOf = (subject: string) =>
  new SignJWT({ sub: subject })
    .setProtectedHeader({ alg: 'ES256', kid: '1' })
    .setIssuer('https://issuer.example')
    .setAudience('easel')
    .setExpirationTime('5m')
    .sign(privateKey)

async function budgetsOf(gateway: GuardedGateway, key: string): Promise<unknown> {
  const { data } = await gateway.graphql<{ viewer: { budgets: unknown } }>(
    '{ viewer { budgets { period unit currency limit } } }',
    {},
    bearer(key),
  )
  return data.viewer.budgets
}

const warned = ({ logged }: GuardedGateway) =>
  logged.filter(({ msg }) => String(msg).includes('set defaults.budget')).length

test('without them a token spends without a limit, and the start warns of it; later ones bind new users alone', async () => {
  const before = await startGuardedGateway({ ...home, file: jwt })
  const ann = await before.invite('Ann')
  const bob = await tokenOf('bob')
  expect(await budgetsOf(before, bob)).toEqual([])
  expect(warned(before)).toBe(1)
  await before[Symbol.asyncDispose]()

  const file = `${jwt}defaults: { budget: [{ period: MONTH, unit: MONEY, limit: 5.25, currency: EUR }, { period: DAY, unit: TOKENS, limit: 9000 }] }`
  const gateway = await startGuardedGateway({ ...home, file })
  expect(warned(gateway)).toBe(0)
  const given = [
    { period: 'DAY', unit: 'TOKENS', currency: null, limit: '9000' },
    { period: 'MONTH', unit: 'MONEY', currency: 'EUR', limit: '5250000' },
  ]
  expect(await budgetsOf(gateway, (await gateway.invite('Cyd')).key)).toEqual(given)
  const dan = await tokenOf('dan')
  // Several first requests at once make one user.
  const seen = await Promise.all(Array.from({ length: 8 }, () => budgetsOf(gateway, dan)))
  expect(seen).toEqual(Array(8).fill(given))
  expect(await budgetsOf(gateway, ann.key)).toEqual([])
  expect(await budgetsOf(gateway, bob)).toEqual([])
  expect(await budgetsOf(gateway, adminKey)).toEqual([])
  await gateway[Symbol.asyncDispose]()
})

test('MON-15: 30 mutations of a new member in one document stop at its budget', async () => {
  const file = 'defaults: { budget: [{ period: TOTAL, unit: MONEY, limit: 0.01 }] }'
  await using gateway = await startGuardedGateway({ file })
  const { key } = await gateway.invite('Mallory')
  const dozens = Array.from(
    { length: 30 },
    (_, index) => `a${index}: generateImage(input: { prompt: "x", n: 10 }) { id }`,
  )
  const { errors } = await gateway.graphql(`mutation { ${dozens.join(' ')} }`, {}, bearer(key))
  expect(errors).toMatchObject([{ path: ['a0'], extensions: { code: 'BUDGET_EXCEEDED' } }])
  const { data } = await gateway.graphql('{ viewer { budgets { currency } } }', {}, bearer(key))
  expect(data).toEqual({ viewer: { budgets: [{ currency: 'USD' }] } })
  expect((await gateway.graphql('{ viewer { budgets { limit } } }', {}, admin)).data).toEqual({
    viewer: { budgets: [] },
  })
})
