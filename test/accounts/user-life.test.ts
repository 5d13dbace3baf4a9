import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  type Accounts,
  type AccountsOptions,
  createAccounts,
  type Viewer,
} from '../../src/accounts/accounts.ts'
import type { Database } from '../../src/database/database.ts'
import { createTestDatabase } from '../kit/database/test-database.ts'
import { defaultLimits } from '../kit/rooms/default-limits.ts'

const issuer = 'https://issuer.example'
const adminKey = 'the key of the operator'

let database: Database
let pair: Awaited<ReturnType<typeof generateKeyPair>>
let jwks: { keys: Awaited<ReturnType<typeof exportJWK>>[] }
let accounts: Accounts
let admin: Viewer
const opened: Accounts[] = []

beforeAll(async () => {
  database = await createTestDatabase()
  pair = await generateKeyPair('ES256')
  jwks = { keys: [{ ...(await exportJWK(pair.publicKey)), kid: '1', alg: 'ES256' }] }
})
beforeEach(async () => {
  // Each case has the operator's admin, and no other.
  await database.prisma.user.updateMany({ data: { role: 'MEMBER' }, where: { externalId: { not: 'admin' } } })
  await database.prisma.user.updateMany({ data: { role: 'MEMBER' }, where: { externalId: null } })
  accounts = await open({ adminKey })
  admin = await use(adminKey)
})
afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.close()))
})
afterAll(() => database.close())

async function open(some: Partial<AccountsOptions> = {}): Promise<Accounts> {
  const made = await createAccounts({
    prisma: database.prisma,
    notifications: database.notifications,
    auth: 'on',
    rateLimits: defaultLimits.rates,
    countsWithOthers: false,
    hashSecrets: ['hash secret'],
    jwt: { issuer, audience: 'easel', jwks },
    now: () => new Date(),
    newId: () => crypto.randomUUID(),
    onError: (error) => {
      throw error
    },
    ...some,
  })
  opened.push(made)
  return made
}

const use = (credential: string) =>
  accounts.authenticate(
    new Headers(credential.includes(' ') ? { 'x-api-key': credential } : bearer(credential)),
  )
const bearer = (credential: string) => ({ authorization: `Bearer ${credential}` })

const tokenOf = (sub: string, life = '5m') =>
  new SignJWT({ name: `The name of ${sub}` })
    .setProtectedHeader({ alg: 'ES256', kid: '1' })
    .setIssuer(issuer)
    .setAudience('easel')
    .setSubject(sub)
    .setExpirationTime(life)
    .sign(pair.privateKey)

async function invite(role: 'MEMBER' | 'ADMIN' = 'MEMBER') {
  const user = await accounts.createUser({ name: 'Ada', role }, admin)
  return { id: user.id, ...(await accounts.createApiKey({ userId: user.id, name: 'laptop' }, admin)) }
}

const find = (id: string) => database.prisma.user.findUniqueOrThrow({ where: { id } })
const refusal = (reason: string, code = 'UNAUTHENTICATED') => ({ code, details: { reason } })

describe('a disabled user', () => {
  test('is refused with its key and with its token, and told why', async () => {
    const { id, secret } = await invite()
    const token = await tokenOf('to-disable')
    const { userId } = await use(token)
    for (const each of [id, userId]) await accounts.disableUser(each, admin)
    for (const each of [secret, token])
      await expect(use(each)).rejects.toMatchObject(refusal('USER_DISABLED'))
    expect((await find(id)).disabledAt).toBeInstanceOf(Date)
  })

  test('loses its streams at once, in another process too', async () => {
    const { id, secret } = await invite()
    const token = await tokenOf('streams')
    const [byKey, byToken] = [await use(secret), await use(token)]
    const other = await open({ adminKey })
    const ended = [byKey, byToken].flatMap((viewer) =>
      [accounts, other].map((each) => new Promise<void>((resolve) => each.onRevoked(viewer, resolve))),
    )
    await accounts.disableUser(id, admin)
    await accounts.disableUser(byToken.userId, admin)
    await Promise.all(ended)
  })

  test('whose disabling nobody was told of loses its streams at the next look', async () => {
    const { id, secret } = await invite()
    const viewer = await use(secret)
    const ended = new Promise<void>((resolve) => accounts.onRevoked(viewer, resolve))
    await database.prisma.user.update({ where: { id }, data: { disabledAt: new Date() } })
    await accounts.recheck()
    await ended
  })

  test('gets no key, and comes in again when it is enabled', async () => {
    const { id, secret } = await invite()
    await accounts.disableUser(id, admin)
    await expect(accounts.createApiKey({ userId: id, name: 'x' }, admin)).rejects.toMatchObject(
      refusal('USER_DISABLED', 'BAD_USER_INPUT'),
    )
    await accounts.enableUser(id, admin)
    expect(await use(secret)).toMatchObject({ userId: id })
  })
})

describe('a deleted user', () => {
  test('is nobody any more: no name, no subject, no key', async () => {
    const token = await tokenOf('to-delete')
    const { userId } = await use(token)
    const { secret } = await accounts.createApiKey({ userId, name: "Ada's laptop" }, admin)
    await accounts.deleteUser(userId, admin)
    expect(await find(userId)).toMatchObject({
      name: 'Deleted',
      externalId: expect.stringMatching(/^deleted:[0-9a-f]{64}$/),
      deletedAt: expect.any(Date),
    })
    expect(await database.prisma.apiKey.findFirst({ where: { userId } })).toMatchObject({
      name: 'Deleted',
      revokedAt: expect.any(Date),
    })
    await expect(use(secret)).rejects.toMatchObject(refusal('CREDENTIALS_INVALID'))
  })

  test('does not come again with a token of the same subject until an admin says so, and then as another one', async () => {
    const token = await tokenOf('comes-again')
    const { userId } = await use(token)
    await accounts.deleteUser(userId, admin)
    await expect(use(token)).rejects.toMatchObject(refusal('USER_DELETED'))
    await expect(use(await tokenOf('comes-again', '10m'))).rejects.toMatchObject(refusal('USER_DELETED'))
    await expect((await open({ adminKey })).authenticate(new Headers(bearer(token)))).rejects.toMatchObject(
      refusal('USER_DELETED'),
    )
    await accounts.enableUser(userId, admin)
    expect((await use(token)).userId).not.toBe(userId)
    expect(await find(userId)).toMatchObject({ name: 'Deleted', externalId: null })
  })

  test('has no role to be given', async () => {
    const { id } = await invite()
    await accounts.deleteUser(id, admin)
    await expect(accounts.setUserRole({ userId: id, role: 'ADMIN' }, admin)).rejects.toMatchObject(
      refusal('USER_DELETED', 'BAD_USER_INPUT'),
    )
  })
})

describe('the role of a user', () => {
  test('changes at once, for its key and for its token, and its streams end', async () => {
    const { id, secret } = await invite()
    const token = await tokenOf('promoted')
    const byToken = await use(token)
    const viewer = await use(secret)
    const ended = new Promise<void>((resolve) => accounts.onRevoked(viewer, resolve))
    for (const userId of [id, byToken.userId]) await accounts.setUserRole({ userId, role: 'ADMIN' }, admin)
    await ended
    expect([(await use(secret)).role, (await use(token)).role]).toEqual(['ADMIN', 'ADMIN'])
    await accounts.setUserRole({ userId: id, role: 'MEMBER' }, admin)
    expect((await use(secret)).role).toBe('MEMBER')
  })
})

const removals = {
  disabled: (id: string) => accounts.disableUser(id, admin),
  deleted: (id: string) => accounts.deleteUser(id, admin),
  demoted: (userId: string) => accounts.setUserRole({ userId, role: 'MEMBER' }, admin),
}

describe.each(Object.entries(removals))('the last admin that can come in is not %s', (_, remove) => {
  test('where it is the only one', async () => {
    await expect(remove(admin.userId)).rejects.toMatchObject(refusal('LAST_ADMIN', 'BAD_USER_INPUT'))
  })

  test('where the others have no key that works, and the operator took its own away', async () => {
    const { id } = await invite('ADMIN')
    const keyless = await invite('ADMIN')
    await accounts.revokeApiKey(keyless.apiKey.id)
    accounts = await open()
    await expect(remove(id)).rejects.toMatchObject(refusal('LAST_ADMIN', 'BAD_USER_INPUT'))
    const another = await use(await tokenOf(`admin-${id}`))
    await accounts.setUserRole({ userId: another.userId, role: 'ADMIN' })
    await remove(id)
  })
})

test('of two admins that remove each other one stays', async () => {
  const [one, other] = [await invite('ADMIN'), await invite('ADMIN')]
  accounts = await open()
  const results = await Promise.allSettled([accounts.disableUser(one.id), accounts.disableUser(other.id)])
  expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
})

test('nobody takes the way in from the operator, whoever else is an admin', async () => {
  await invite('ADMIN')
  for (const remove of Object.values(removals))
    await expect(remove(admin.userId)).rejects.toMatchObject(refusal('USER_OF_OPERATOR', 'BAD_USER_INPUT'))
})

describe('the audit log', () => {
  const entriesOf = (userId: string) =>
    database.prisma.auditEntry.findMany({ where: { userId }, orderBy: { at: 'asc' } })

  test('has every act, who did it, with which key and to whom, and no secret or name', async () => {
    const { id, apiKey, secret } = await invite()
    await accounts.setUserRole({ userId: id, role: 'ADMIN' }, admin)
    await accounts.disableUser(id, admin)
    await accounts.enableUser(id, admin)
    await accounts.revokeApiKey(apiKey.id, admin)
    await accounts.revokeAllKeys(id, admin)
    await accounts.deleteUser(id, admin)
    const entries = await entriesOf(id)
    expect(entries.map(({ action }) => action)).toEqual([
      'CREATE_USER',
      'CREATE_API_KEY',
      'SET_USER_ROLE',
      'DISABLE_USER',
      'ENABLE_USER',
      'REVOKE_API_KEY',
      'REVOKE_ALL_KEYS',
      'DELETE_USER',
    ])
    const { credential, userId: actorId } = admin
    const actorKeyId = credential.kind === 'apiKey' ? credential.id : null
    for (const entry of entries) expect(entry).toMatchObject({ actorId, actorKeyId, userId: id })
    expect(entries[1]).toMatchObject({ keyId: apiKey.id, details: { prefix: apiKey.prefix } })
    expect(entries[2]?.details).toEqual({ from: 'MEMBER', to: 'ADMIN' })
    expect(JSON.stringify(entries)).not.toMatch(new RegExp(`${secret.slice(12)}|Ada`))
  })

  test('has nothing of what was refused or changed nothing', async () => {
    const { id } = await invite('ADMIN')
    await accounts.setUserRole({ userId: id, role: 'ADMIN' }, admin)
    await accounts.enableUser(id, admin)
    await accounts
      .audited(admin, { action: 'SET_BUDGET', userId: id }, () => Promise.reject(new Error('no')))
      .catch(() => {})
    expect(await entriesOf(id)).toHaveLength(2)
  })

  test('stays as it was written', async () => {
    const { id } = await invite()
    const where = { userId: id }
    await expect(database.prisma.auditEntry.deleteMany({ where })).rejects.toThrow(/only added to/)
    await expect(
      database.prisma.auditEntry.updateMany({ where, data: { action: 'NOTHING' } }),
    ).rejects.toThrow(/only added to/)
    expect(await entriesOf(id)).toHaveLength(2)
  })
})
