import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { type Accounts, createAccounts, type JwtOptions } from '../../src/accounts/accounts.ts'
import type { Database } from '../../src/database/database.ts'
import { createTestDatabase } from '../kit/database/test-database.ts'
import { defaultLimits } from '../kit/rooms/default-limits.ts'
import { replyJson } from '../kit/upstream/replies.ts'
import { type ScriptedUpstream, startScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'

const issuer = 'https://issuer.example'
const audience = 'easel'

type Pair = Awaited<ReturnType<typeof generateKeyPair>> & { kid: string }

let database: Database
let upstream: ScriptedUpstream
let jwksUrl: string
/** What the issuer publishes now. */
let published: Pair[] = []
let status = 200
/** How far the clock of the accounts is ahead. */
let aheadMs = 0
let first: Pair
const opened: Accounts[] = []

beforeAll(async () => {
  database = await createTestDatabase()
  first = await makePair('first')
  upstream = await startScriptedUpstream()
  upstream.script(async (exchange) => {
    const keys = await Promise.all(
      published.map(async ({ kid, publicKey }) => ({ ...(await exportJWK(publicKey)), kid, use: 'sig' })),
    )
    await replyJson({ keys }, { status })(exchange)
  })
  jwksUrl = `${upstream.url}/jwks`
})
afterEach(async () => {
  await Promise.all(opened.splice(0).map((accounts) => accounts.close()))
})
afterAll(async () => {
  await upstream.close()
  await database.close()
})

const findUser = (id: string) => database.prisma.user.findUnique({ where: { id } })

async function makePair(kid: string): Promise<Pair> {
  return { ...(await generateKeyPair('RS256', { extractable: true })), kid }
}

async function open(jwt: Partial<JwtOptions> = {}, some: { adminKey?: string } = {}): Promise<Accounts> {
  published = [first]
  upstream.requests.length = 0
  status = 200
  aheadMs = 0
  const accounts = await createAccounts({
    prisma: database.prisma,
    notifications: database.notifications,
    auth: 'on',
    rateLimits: defaultLimits.rates,
    countsWithOthers: false,
    hashSecrets: ['hash secret'],
    jwt: { issuer, audience, jwksUrl, ...jwt },
    now: () => new Date(Date.now() + aheadMs),
    newId: () => crypto.randomUUID(),
    onError: (error) => {
      throw error
    },
    ...some,
  })
  opened.push(accounts)
  return accounts
}

const seconds = () => Math.floor(Date.now() / 1000)

function sign(claims: JWTPayload = {}, { kid, privateKey }: Pair = first): Promise<string> {
  const payload = { iss: issuer, aud: audience, sub: 'ada', exp: seconds() + 60, ...claims }
  return new SignJWT(payload).setProtectedHeader({ alg: 'RS256', kid }).sign(privateKey)
}

const use = (accounts: Accounts, token: string) =>
  accounts.authenticate(new Headers({ authorization: `Bearer ${token}` }))

const refusal = { code: 'UNAUTHENTICATED', message: 'The API key or token is not valid.' }

test('makes a member of whom it sees for the first time, and knows it again', async () => {
  const accounts = await open()
  const exp = seconds() + 60
  const viewers = await Promise.all(
    Array.from({ length: 5 }, async () =>
      use(accounts, await sign({ sub: 'new', exp, name: 'Ada Lovelace' })),
    ),
  )
  expect(new Set(viewers.map(({ userId }) => userId)).size).toBe(1)
  expect(viewers[0]).toMatchObject({
    name: 'Ada Lovelace',
    role: 'MEMBER',
    credential: { kind: 'jwt', expiresAt: new Date(exp * 1000) },
  })
  const users = await database.prisma.user.findMany({ where: { externalId: `${issuer}#new` } })
  expect(users.map(({ id }) => id)).toEqual([viewers[0]?.userId])
})

test('reads a user again after ten seconds, however busy it is', async () => {
  const accounts = await open()
  const token = await sign({ sub: 'busy' })
  const { userId } = await use(accounts, token)
  await database.prisma.user.update({ where: { id: userId }, data: { role: 'ADMIN' } })
  aheadMs = 6_000
  expect(await use(accounts, token)).toMatchObject({ userId, role: 'MEMBER' })
  aheadMs = 12_000
  expect(await use(accounts, token)).toMatchObject({ userId, role: 'ADMIN' })
})

test('takes no user whose name PostgreSQL cannot keep, and mends what is only shown', async () => {
  const accounts = await open()
  await expect(use(accounts, await sign({ sub: 'a\0b' }))).rejects.toMatchObject(refusal)
  await expect(use(accounts, await sign({ sub: 'a\ud800' }))).rejects.toMatchObject(refusal)
  const name = `\0${'x'.repeat(98)}😀`
  const { userId } = await use(accounts, await sign({ sub: 'cut', name }))
  expect(await findUser(userId)).toMatchObject({ name: `\ufffd${'x'.repeat(98)}\ufffd` })
})

test('names the user by the claim that was chosen', async () => {
  const accounts = await open({ userClaim: 'email' })
  const viewer = await use(accounts, await sign({ email: 'ada@example.com' }))
  expect(await findUser(viewer.userId)).toMatchObject({
    externalId: `${issuer}#ada@example.com`,
    name: 'ada@example.com',
  })
  await expect(use(accounts, await sign())).rejects.toMatchObject(refusal)
  await expect(use(accounts, await sign({ email: 7 }))).rejects.toMatchObject(refusal)
  await expect(use(accounts, await sign({ email: '' }))).rejects.toMatchObject(refusal)
})

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const claims = () => ({ iss: issuer, aud: audience, sub: 'ada', exp: seconds() + 60 })

const forgeries: Record<string, () => Promise<string>> = {
  'alg none': async () => `${part({ alg: 'none' })}.${part(claims())}.`,
  'alg NONE with a signature': async () => `${part({ alg: 'NONE', kid: 'first' })}.${part(claims())}.AAAA`,
  'HS256 with the public key as its secret': async () =>
    new SignJWT(claims())
      .setProtectedHeader({ alg: 'HS256', kid: 'first' })
      .sign(Buffer.from(await exportSPKI(first.publicKey))),
  'no alg': async () => `${part({ kid: 'first' })}.${part(claims())}.AAAA`,
  'a changed claim': async () => {
    const [header, , signature] = (await sign()).split('.')
    return `${header}.${part({ ...claims(), sub: 'admin' })}.${signature}`
  },
  'another key under the same id': async () => sign({}, await makePair('first')),
  'a key of its own in the header': async () => {
    const own = await makePair('own')
    const jwk = await exportJWK(own.publicKey)
    return new SignJWT(claims())
      .setProtectedHeader({ alg: 'RS256', jwk, jku: 'http://127.0.0.1:9' })
      .sign(own.privateKey)
  },
  'a key id that walks paths': async () => sign({}, { ...(await makePair('../../etc/passwd')) }),
  expired: () => sign({ exp: seconds() - 60 }),
  'an end that is no date': () => sign({ exp: 1e300 }),
  'an end in more than a year': () => sign({ exp: seconds() + 367 * 86_400 }),
  'no end': () => sign({ exp: undefined as never }),
  'not yet valid': () => sign({ nbf: seconds() + 60 }),
  'another audience': () => sign({ aud: 'other' }),
  'another issuer': () => sign({ iss: 'https://other.example' }),
  'no user': () => sign({ sub: undefined as never }),
  'a megabyte': () => sign({ padding: 'x'.repeat(1_000_000) }),
  'five parts': async () => `${part({ alg: 'dir', enc: 'A256GCM', zip: 'DEF' })}..AAAA.AAAA.AAAA`,
}

test.each(Object.keys(forgeries))('refuses a token in the same words: %s', async (name) => {
  const accounts = await open()
  await use(accounts, await sign())
  const token = (await forgeries[name]?.()) ?? ''
  await expect(use(accounts, token)).rejects.toMatchObject(refusal)
})

test('accepts the algorithms of the configuration only', async () => {
  const accounts = await open({ algorithms: ['ES256'] })
  await expect(use(accounts, await sign())).rejects.toMatchObject(refusal)
  await expect(open({ algorithms: ['HS256'] })).rejects.toMatchObject({
    details: { field: 'jwt.algorithms' },
  })
  await expect(open({ algorithms: [] })).rejects.toMatchObject({ details: { field: 'jwt.algorithms' } })
})

test('learns the new key when the issuer changes it, and forgets the old one', async () => {
  const accounts = await open({ cooldownMs: 0 })
  await use(accounts, await sign())
  const second = await makePair('second')
  published = [second]
  await use(accounts, await sign({}, second))
  await expect(use(accounts, await sign())).rejects.toMatchObject(refusal)
})

test('asks the issuer once, however many unknown key ids it is shown', async () => {
  const accounts = await open()
  await use(accounts, await sign())
  const unknown = await Promise.all(['a', 'b', 'c'].map((kid) => makePair(kid)))
  for (const pair of unknown) await expect(use(accounts, await sign({}, pair))).rejects.toMatchObject(refusal)
  expect(upstream.requests).toHaveLength(1)
})

test('says that it cannot tell while the issuer is out of reach', async () => {
  const accounts = await open()
  status = 500
  await expect(use(accounts, await sign())).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    details: { reason: 'IDENTITY_PROVIDER_UNAVAILABLE' },
  })
  status = 200
  await use(accounts, await sign())
})

test('takes keys from the configuration instead of a URL', async () => {
  const jwk = { ...(await exportJWK(first.publicKey)), kid: 'first' }
  const options = { jwks: { keys: [jwk] } }
  const accounts = await open(options)
  await use(accounts, await sign())
  expect(upstream.requests).toHaveLength(0)
})

test('still takes API keys', async () => {
  const accounts = await open()
  const user = await accounts.createUser({ name: 'Bob', role: 'MEMBER' })
  const { secret } = await accounts.createApiKey({ userId: user.id, name: 'script' })
  expect(await use(accounts, secret)).toMatchObject({ userId: user.id, credential: { kind: 'apiKey' } })
})

test('takes a key with dots for a key', async () => {
  const accounts = await open({}, { adminKey: 'an.operators.key-of-16' })
  expect(await use(accounts, 'an.operators.key-of-16')).toMatchObject({ name: 'admin', role: 'ADMIN' })
})

test('ends streams when the token expires', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  onTestFinished(() => void vi.useRealTimers())
  const accounts = await open()
  const viewer = await use(accounts, await sign({ exp: seconds() + 60 }))
  const ended = vi.fn()
  accounts.onRevoked(viewer, ended)
  const leftMs = (viewer.credential as { expiresAt: Date }).expiresAt.getTime() - Date.now()
  vi.advanceTimersByTime(leftMs - 1)
  expect(ended).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(ended).toHaveBeenCalledOnce()
})

test('does not end a stream early whose token lives longer than a timer can wait', async () => {
  const accounts = await open()
  const viewer = await use(accounts, await sign({ exp: seconds() + 60 * 86_400 }))
  let ended = false
  const stop = accounts.onRevoked(viewer, () => {
    ended = true
  })
  await use(accounts, await sign())
  expect(ended).toBe(false)
  stop()
})
