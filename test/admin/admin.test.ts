import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { PGlite } from '@electric-sql/pglite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runAdmin } from '../../src/admin.ts'
import { readEnv } from '../../src/config/env.ts'
import { makePreparedFolder } from '../kit/database/prepared-embedded.ts'
import { adminKey, startGuardedGateway } from '../kit/gateway/accounts.ts'
import type { TestGateway } from '../kit/gateway/test-gateway.ts'
import { photoFile } from '../kit/photo.ts'
import { reply } from '../kit/upstream/replies.ts'
import { startScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'

let folder: string
let gateway: TestGateway
const start = () => startGuardedGateway({ folder })

beforeAll(async () => {
  folder = await makePreparedFolder()
  gateway = await start()
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

async function admin(...args: string[]) {
  return runWith({ EASEL_PUBLIC_URL: gateway.url, EASEL_ADMIN_KEY: adminKey }, ...args)
}

async function runWith(env: Record<string, string>, ...args: string[]) {
  const said = { out: '', error: '' }
  const code = await runAdmin(args, {
    env: readEnv(env),
    write: (text) => {
      said.out += text
    },
    writeError: (text) => {
      said.error += text
    },
    now: () => new Date(),
  })
  return { code, ...said }
}

/** What a command that went well says, as JSON. */
async function read(...args: string[]) {
  const { code, out, error } = await admin(...args, '--json')
  expect([code, error]).toEqual([0, ''])
  return JSON.parse(out)
}

const edit = async (key: string) => {
  const { data } = await gateway.upload<{ editImage: { response: { usage: { totalTokens: number } } } }>(
    'mutation ($input: EditImageInput!) { editImage(input: $input) { response { usage { totalTokens } } } }',
    { input: { prompt: 'x', image: [{ upload: null }], quality: 'LOW' } },
    { 'input.image.0.upload': await photoFile() },
    { authorization: `Bearer ${key}` },
  )
  return data.editImage.response.usage.totalTokens
}

describe('the admin command', () => {
  test('makes users and keys that open the gateway until they are revoked', async () => {
    const { out: id } = await admin('users', 'create', 'Ann')
    const { out: secret } = await admin('keys', 'create', 'laptop', '--user', 'Ann')
    const viewer = () =>
      gateway.graphql('{ viewer { id name role } }', {}, { authorization: `Bearer ${secret.trim()}` })
    expect((await viewer()).data).toEqual({ viewer: { id: id.trim(), name: 'Ann', role: 'MEMBER' } })
    const users: { name: string }[] = await read('users', 'list')
    expect(users.filter(({ name }) => ['Ann', 'admin'].includes(name))).toMatchObject([
      { name: 'Ann', role: 'MEMBER' },
      { name: 'admin', role: 'ADMIN' },
    ])
    const [key] = await read('keys', 'list', '--user', id.trim())
    expect(key).toMatchObject({
      name: 'laptop',
      prefix: secret.slice(0, 12),
      revokedAt: null,
      user: { name: 'Ann' },
    })
    expect((await admin('keys', 'revoke', key.id)).out).toBe(
      `The key laptop (${key.prefix}…) opens nothing any more.\n`,
    )
    expect((await viewer()).errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }])
    expect((await admin('keys', 'list')).out).toContain('EASEL_ADMIN_KEY')
  })

  test('locks users out, lets them in again, promotes and deletes them', async () => {
    await admin('users', 'create', 'Gil')
    const { out: secret } = await admin('keys', 'create', 'laptop', '--user', 'Gil')
    const viewer = async () => {
      const headers = { authorization: `Bearer ${secret.trim()}` }
      const { data, errors } = await gateway.graphql<{ viewer: { role: string } }>(
        '{ viewer { role } }',
        {},
        headers,
      )
      return errors?.[0]?.extensions.reason ?? data.viewer.role
    }
    expect((await admin('users', 'disable', 'Gil')).out).toMatch(/^The user Gil is disabled/)
    expect(await viewer()).toBe('USER_DISABLED')
    expect((await admin('users', 'list')).out).toMatch(/Gil .*disabled/)
    await admin('users', 'enable', 'Gil')
    await admin('users', 'set-role', 'Gil', 'admin')
    expect(await viewer()).toBe('ADMIN')
    expect(await admin('users', 'delete', 'Gil')).toMatchObject({ code: 0 })
    expect(await viewer()).toBe('CREDENTIALS_INVALID')
    expect(await admin('users', 'disable', 'admin')).toMatchObject({ code: 1 })
  })

  test('makes keys that expire and are limited, revokes all of a user, and tells who did what', async () => {
    await admin('users', 'create', 'Hal')
    const limits = ['--expires', '2100-01-01', '--models', 'gpt-image-1,dall-e-3']
    await admin('keys', 'create', 'limited', '--user', 'Hal', ...limits)
    expect(await read('keys', 'list', '--user', 'Hal')).toMatchObject([
      { expiresAt: '2100-01-01T00:00:00.000Z', models: ['gpt-image-1', 'dall-e-3'] },
    ])
    expect((await admin('keys', 'revoke-all', '--user', 'Hal')).out).toBe(
      'Keys that open nothing any more: 1.\n',
    )
    const entries: { action: string }[] = await read('audit', '--user', 'Hal')
    expect(entries.map(({ action }) => action)).toEqual(['REVOKE_ALL_KEYS', 'CREATE_API_KEY', 'CREATE_USER'])
    expect(await read('audit', '--user', 'Hal', '--action', 'create-user')).toHaveLength(1)
    expect((await admin('audit', '--last', '1')).out.split('\n')[1]).toContain('REVOKE_ALL_KEYS')
    expect(await admin('audit', '--last', '0')).toMatchObject({ code: 2 })
  })

  test('sets budgets in tokens and in money, and takes them away', async () => {
    await admin('users', 'create', 'Bob')
    const set = (unit: string, limit: string) =>
      read('budgets', 'set', '--user', 'Bob', '--period', 'month', '--unit', unit, '--limit', limit)
    await set('tokens', '500000')
    expect(await set('money', '12.50')).toMatchObject([
      { period: 'MONTH', unit: 'TOKENS', limit: '500000', remaining: '500000' },
      { period: 'MONTH', unit: 'MONEY', limit: '12500000', remaining: '12500000' },
    ])
    const { out } = await admin('budgets', 'list', '--user', 'Bob')
    expect(out.split('\n').map((line) => line.split(/ {2,}/).slice(0, 4))).toEqual([
      ['user', 'period', 'unit', ' limit'].map((name) => name.trim()),
      ['Bob', 'MONTH', 'TOKENS', '500000'],
      ['Bob', 'MONTH', 'MONEY', '12.50 USD'],
      [''],
    ])
    const words = [
      'budgets',
      'set',
      '--user',
      'Bob',
      '--period',
      'month',
      '--unit',
      'money',
      '--limit',
      '900',
    ]
    expect(await read(...words, '--currency', 'rub')).toMatchObject([
      { unit: 'TOKENS', currency: null },
      { unit: 'MONEY', currency: 'RUB', limit: '900000000' },
    ])
    expect(await set('tokens', 'none')).toMatchObject([{ unit: 'MONEY' }])
    expect(await read('budgets', 'list')).toHaveLength(1)
  })

  test('sets what users and keys may ask for within a minute, lists it, and gives the defaults back', async () => {
    const { out: id } = await admin('users', 'create', 'Ira')
    await admin('keys', 'create', 'laptop', '--user', 'Ira')
    const [key] = await read('keys', 'list', '--user', 'Ira')
    const set = (...words: string[]) => read('rates', 'set', ...words)
    const defaults = { requestsPerMinute: 12_000, imagesPerMinute: null, concurrentOperations: 2_000 }
    expect(
      await set('--user', 'Ira', '--images-per-minute', '30', '--requests-per-minute', '600'),
    ).toMatchObject([
      {
        user: { id: id.trim(), name: 'Ira' },
        key: null,
        ...defaults,
        requestsPerMinute: 600,
        imagesPerMinute: 30,
      },
    ])
    expect(await set('--api-key', key.id, '--concurrent-operations', '2')).toMatchObject([
      { requestsPerMinute: 600, imagesPerMinute: 30, concurrentOperations: 2_000 },
      { key: { id: key.id }, requestsPerMinute: null, imagesPerMinute: null, concurrentOperations: 2 },
    ])
    const { out } = await admin('rates', 'list', '--user', 'Ira')
    expect(out.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['user', 'key', 'requests a minute', 'images a minute', 'tokens a minute', 'operations at once'],
      ['Ira', '–', '600', '30', '–', '2000'],
      ['Ira', `laptop ${key.prefix}…`, '–', '–', '–', '2'],
      [''],
    ])
    await set('--api-key', key.id, '--concurrent-operations', 'default')
    expect(
      await set('--user', 'Ira', '--images-per-minute', 'default', '--requests-per-minute', 'default'),
    ).toMatchObject([{ key: null, ...defaults }])
    expect(await read('audit', '--user', 'Ira', '--action', 'set-rate-limits')).toHaveLength(4)
  })

  test('reports usage as a table, as JSON and as a file', async () => {
    await admin('users', 'create', 'Cem')
    const { out } = await admin('keys', 'create', 'laptop', '--user', 'Cem')
    const tokens = (await edit(out.trim())) + (await edit(out.trim()))
    const { total, rows } = await read('usage', 'report', '--group-by', 'user,day', '--user', 'Cem')
    expect(total).toMatchObject({ operations: 2, images: 2, totalTokens: `${tokens}` })
    expect(rows).toMatchObject([{ user: { name: 'Cem' }, operations: 2 }])
    const table = (await admin('usage', 'report', '--group-by', 'user,model')).out.split('\n')
    const names = table.map((line) => line.split(/ {2,}/)[0])
    expect([names.at(0), ...names.slice(-2)]).toEqual(['user', 'total', ''])
    expect(table[names.indexOf('Cem')]).toMatch(new RegExp(`^Cem .*gpt-image.* ${tokens} +0\\.\\d+ USD$`))
    const csv = await admin(
      'usage',
      'report',
      '--csv',
      '--group-by',
      'user',
      '--user',
      'Cem',
      '--from',
      '2020-01-01',
    )
    expect(csv.out).toMatch(/^start,userId,.*\r\n,[0-9a-f-]{36},.*\r\n$/)
    const empty = await read('usage', 'report', '--from', '2020-01-01', '--to', '2020-02-01T12:00:00+02:00')
    expect(empty.total.operations).toBe(0)
    const zoned = [
      '--user',
      'Cem',
      '--group-by',
      'month',
      '--from',
      '2020-01-01',
      '--time-zone',
      'Asia/Kolkata',
    ]
    expect((await read('usage', 'report', ...zoned)).rows).toMatchObject([
      { start: expect.stringContaining('T18:30:00'), operations: 2 },
    ])
    expect((await admin('usage', 'report', '--csv', ...zoned)).out).toContain('T18:30:00.000Z,')
  })

  test('tells what the house may have paid for and nobody got', async () => {
    await admin('users', 'create', 'Flo')
    const { out } = await admin('keys', 'create', 'laptop', '--user', 'Flo')
    expect((await admin('usage', 'losses')).out.split('\n').slice(1)).toEqual([
      expect.stringMatching(/^total/),
      '',
    ])
    await gateway.upload(
      'mutation ($input: EditImageInput!) { editImage(input: $input) { error { reason } } }',
      { input: { prompt: 'x [sandbox:reset]', image: [{ upload: null }], quality: 'LOW' } },
      { 'input.image.0.upload': await photoFile() },
      { authorization: `Bearer ${out.trim()}` },
    )
    const { rows, total } = await read('usage', 'losses')
    expect(rows).toMatchObject([{ operation: { createdBy: { name: 'Flo' } }, cost: { currency: 'USD' } }])
    expect(total).toMatchObject({ operations: 1, totalTokens: rows[0].totalTokens })
    const [, loss, sum] = (await admin('usage', 'losses')).out.split('\n')
    expect(loss).toMatch(/ Flo +sandbox\/gpt-image.* UPSTREAM_OUTCOME_UNKNOWN .* \d+ +0\.\d+ USD$/)
    expect(sum).toMatch(new RegExp(`^total .* ${total.totalTokens} +0\\.\\d+ USD$`))
  })

  test('passes nothing on that steers a terminal', async () => {
    await admin('users', 'create', 'Eve\u001b[2J\u009b31m\u202eadmin')
    const { out } = await admin('users', 'list')
    expect(out).toContain('Eve\u{fffd}[2J\u{fffd}31m\u{fffd}admin')
    const { out: json } = await admin('users', 'list', '--json')
    expect(json.includes('\u001b') || json.includes('\u009b')).toBe(false)
    expect(JSON.parse(json)[0].name).toContain('\u009b')
  })
})

describe('a command that fails', () => {
  test('exits with 1 and the words of the gateway when it refuses', async () => {
    await admin('users', 'create', 'Dora')
    await admin('users', 'create', 'Dora')
    const several = await admin('keys', 'create', 'x', '--user', 'Dora')
    expect([several.code, several.error]).toEqual([1, expect.stringMatching(/^Several users are named Dora/)])
    expect(await admin('keys', 'list', '--user', 'Nobody')).toMatchObject({
      code: 1,
      error: 'There is no user named Nobody.\n',
    })
    const wrongKey = await admin('users', 'list', '--key', 'wrong', '--json')
    expect([wrongKey.code, wrongKey.out]).toEqual([1, ''])
    expect(JSON.parse(wrongKey.error).error).toMatchObject({
      code: 'UNAUTHENTICATED',
      reason: 'CREDENTIALS_INVALID',
    })
    const noKey = await runWith({ EASEL_PUBLIC_URL: gateway.url }, 'users', 'list')
    expect(noKey).toMatchObject({ code: 1, error: expect.stringContaining('EASEL_ADMIN_KEY or --key') })
    const csv = await admin('usage', 'report', '--csv', '--from', '2030-01-01', '--to', '2020-01-01')
    expect(csv).toMatchObject({ code: 1, out: '', error: 'A report ends after it begins. (to)\n' })
  })

  test.each([
    [['users', 'create']],
    [['users', 'create', 'x', '--role', 'owner']],
    [['keys', 'create', 'x']],
    [['budgets', 'set', '--user', 'x', '--period', 'day', '--unit', 'money', '--limit', '1,5']],
    [['budgets', 'set', '--user', 'x', '--period', 'day', '--unit', 'tokens', '--limit', '-1']],
    [['budgets', 'set', '--user', 'x', '--period', 'week', '--unit', 'tokens', '--limit', '1']],
    [['rates', 'set', '--images-per-minute', '1']],
    [['rates', 'set', '--user', 'x', '--api-key', 'y', '--images-per-minute', '1']],
    [['rates', 'set', '--user', 'x']],
    [['rates', 'set', '--user', 'x', '--images-per-minute', '0']],
    [['rates', 'set', '--user', 'x', '--images-per-minute', '2147483648']],
    [['usage', 'report', '--from', 'yesterday']],
    [['usage', 'report', '--group-by', 'weekday']],
    [['usage', 'report', '--time-zone', 'Atlantis']],
    [['nothing']],
    [[]],
  ])('exits with 2 when it is misused: %j', async (args) => {
    const { code, out, error } = await admin(...args)
    expect([code, out]).toEqual([2, ''])
    expect(error).not.toBe('')
  })

  test('exits with 3 when nobody, or somebody else, is at the address', async () => {
    const nobody = await admin('users', 'list', '--url', 'http://127.0.0.1:1')
    expect(nobody).toMatchObject({
      code: 3,
      error: expect.stringContaining('No gateway at http://127.0.0.1:1 ('),
    })
    const other = await startScriptedUpstream()
    other.script(reply('<html>', { status: 302, headers: { location: '/elsewhere' } }), reply('{}'))
    expect(await admin('users', 'list', '--url', other.url)).toMatchObject({
      code: 3,
      error: expect.stringContaining('is not Easel'),
    })
    expect(other.requests).toHaveLength(1)
    await other.close()
  })
})

test('usage verify finds sums that were tampered with, and repairs them', async () => {
  expect(await admin('usage', 'verify')).toMatchObject({
    code: 0,
    out: 'The hourly sums agree with the records.\n',
  })
  await admin('users', 'create', 'Gus')
  const { out: key } = await admin('keys', 'create', 'laptop', '--user', 'Gus')
  await edit(key.trim())
  await gateway[Symbol.asyncDispose]()
  const database = await PGlite.create({ dataDir: join(folder, 'postgres') })
  await database.exec(
    `UPDATE usage_hour SET total_tokens = total_tokens + 1
      WHERE user_id = (SELECT id FROM "user" WHERE name = 'Gus')`,
  )
  await database.close()
  gateway = await start()
  expect(await admin('usage', 'verify')).toMatchObject({
    code: 4,
    out: '1 hourly sums differ from the records.\n',
  })
  expect(await read('usage', 'verify', '--repair')).toEqual({ agrees: false, differences: 1, repaired: true })
  expect(await read('usage', 'verify')).toEqual({ agrees: true, differences: 0, repaired: false })
})

test('runs as a program of its own beside the gateway', async () => {
  const run = (...args: string[]) =>
    promisify(execFile)(process.execPath, [join(import.meta.dirname, '../../src/admin.ts'), ...args], {
      env: { PATH: process.env.PATH ?? '', EASEL_PUBLIC_URL: gateway.url, EASEL_ADMIN_KEY: adminKey },
    })
  expect((await run('users', 'list')).stdout).toMatch(/^id +name +role +created +state\n/)
  expect((await run('--help')).stdout).toContain('Users, keys, budgets and usage of a running Easel.')
  await expect(run('users', 'list', '--key', 'wrong')).rejects.toMatchObject({ code: 1 })
})
