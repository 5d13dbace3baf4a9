import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { UsageFigures } from '../../src/catalogue/usage-figures.ts'
import type { Database } from '../../src/database/database.ts'
import type { ReportRequest, UsageDimension } from '../../src/usage/report-request.ts'
import type { ReportViewer } from '../../src/usage/report-viewer.ts'
import { createUsage, type Usage } from '../../src/usage/usage.ts'
import type { UsageOwner } from '../../src/usage/usage-record.ts'
import type { UsageRow } from '../../src/usage/usage-report.ts'
import { createTestDatabase } from '../kit/database/test-database.ts'
import { createOperation, createUser, makeFigures, recordUsage } from './usage-kit.ts'

const first = Date.UTC(2026, 4, 30)
const hourMs = 3_600_000
const dayMs = 24 * hourMs

const admin: ReportViewer = { userId: crypto.randomUUID(), role: 'ADMIN' }

let database: Database
let usage: Usage
let userIds: string[]
beforeAll(async () => {
  database = await createTestDatabase()
  usage = createUsage({
    prisma: database.prisma,
    now: () => new Date(first),
    newId: () => crypto.randomUUID(),
  })
  userIds = await Promise.all([1, 2, 3].map(() => createUser(database.prisma)))
  for (let index = 0; index < 300; index++) await write(index)
})
afterAll(() => database.close())

type Written = UsageOwner & UsageFigures
const written: Written[] = []

/** Spread over four days and two months, with every mixture of the dimensions. */
async function write(index: number): Promise<void> {
  const userId = pick(userIds, index)
  const owner = {
    operationId: await createOperation(database.prisma, userId),
    userId,
    endUser: pick([null, 'a', 'b', 'c'], index * 7),
    provider: pick(['openai', 'art'], index >> 1),
    model: pick(['gpt-image-1', 'dall-e-2', 'art'], index * 5),
    kind: pick(['GENERATE', 'EDIT', 'VARIATION'] as const, index >> 2),
    at: new Date(first + ((index * 7919) % 96) * hourMs + ((index * 104_729) % hourMs)),
  }
  const inputTextTokens = index * 3
  const figures = makeFigures({
    inputTokens: inputTextTokens + 1,
    inputTextTokens,
    cachedInputTokens: index % 7,
    inputImageTokens: 1,
    outputTokens: index,
    outputImageTokens: index,
    totalTokens: inputTextTokens + 1 + index,
    images: index % 3,
    costMicros: index % 5 === 0 ? null : index * 1_000,
    currency: owner.provider === 'art' ? 'RUB' : 'USD',
    estimated: index % 4 === 0,
  })
  await database.prisma.$transaction((tx) => recordUsage(tx, owner, figures))
  written.push({ ...owner, ...figures })
}

function pick<T>(values: readonly T[], index: number): T {
  return values[index % values.length] as T
}

const dimensions: UsageDimension[] = ['USER', 'END_USER', 'PROVIDER', 'MODEL', 'KIND', 'HOUR', 'DAY', 'MONTH']

/** Whole days, ragged ends, ranges within a day, and ranges without anything. */
const moments = fc.oneof(
  fc.integer({ min: -1, max: 6 }).map((day) => first + day * dayMs),
  fc.integer({ min: -dayMs, max: 6 * dayMs }).map((offset) => first + offset),
)
const requests: fc.Arbitrary<ReportRequest> = fc
  .record({
    ends: fc.tuple(moments, moments).filter(([one, other]) => one !== other),
    groupBy: fc.subarray(dimensions),
    timeZone: fc.constantFrom(
      null,
      'Europe/Moscow',
      'Asia/Kathmandu',
      'America/St_Johns',
      'Pacific/Kiritimati',
    ),
    filter: fc.record({
      users: fc.option(fc.subarray([0, 1, 2])),
      endUser: fc.option(fc.constantFrom('a', 'b'), { freq: 2 }),
      provider: fc.option(fc.constantFrom('openai', 'art')),
      model: fc.option(fc.constantFrom('gpt-image-1', 'none')),
      kind: fc.option(fc.constantFrom('EDIT' as const, 'VARIATION' as const)),
    }),
  })
  .map(({ ends, groupBy, timeZone, filter: { users, ...filter } }) => ({
    from: new Date(Math.min(...ends)),
    to: new Date(Math.max(...ends)),
    groupBy,
    timeZone,
    filter: { ...filter, userIds: users?.map((index) => userIds[index] ?? '') ?? null },
  }))

function isAsked(record: Written, { from, to, filter = {} }: ReportRequest): boolean {
  const { userIds: users, endUser, provider, model, kind } = filter
  return (
    record.at >= from &&
    record.at < to &&
    (!users || users.includes(record.userId)) &&
    (!endUser || record.endUser === endUser) &&
    (!provider || record.provider === provider) &&
    (!model || record.model === model) &&
    (!kind || record.kind === kind)
  )
}

/** No clock changes in these days, so a local time is one shifted by what the zone is before UTC. */
function startOf({ at }: Written, { groupBy, timeZone }: ReportRequest): string | null {
  const shownAt = (when: Date) =>
    Date.parse(`${when.toLocaleString('sv-SE', { timeZone: timeZone ?? 'UTC' }).replace(' ', 'T')}Z`)
  const offset = shownAt(at) - Math.floor(at.getTime() / 1000) * 1000
  const iso = new Date(at.getTime() + offset).toISOString()
  const toUtc = (local: string) => new Date(Date.parse(local) - offset).toISOString()
  if (groupBy.includes('HOUR')) return toUtc(`${iso.slice(0, 13)}:00:00.000Z`)
  if (groupBy.includes('DAY')) return toUtc(`${iso.slice(0, 10)}T00:00:00.000Z`)
  return groupBy.includes('MONTH') ? toUtc(`${iso.slice(0, 7)}-01T00:00:00.000Z`) : null
}

function keyOf(record: Written, request: ReportRequest): string {
  const { groupBy } = request
  const when = (dimension: UsageDimension, value: unknown) => (groupBy.includes(dimension) ? value : null)
  const { userId, endUser, provider, model, kind } = record
  return JSON.stringify([
    startOf(record, request),
    when('USER', userId),
    when('END_USER', endUser),
    when('PROVIDER', provider),
    when('MODEL', model),
    when('KIND', kind),
  ])
}

function sumUp(records: Written[]) {
  const sum = (read: (record: Written) => number) =>
    records.reduce((total, record) => total + BigInt(read(record)), 0n)
  const byCurrency = Object.entries(Object.groupBy(records, (record) => record.currency))
  return {
    operations: BigInt(records.length),
    images: sum((record) => record.images),
    inputTokens: sum((record) => record.inputTokens),
    outputTokens: sum((record) => record.outputTokens),
    totalTokens: sum((record) => record.totalTokens),
    inputTextTokens: sum((record) => record.inputTextTokens),
    inputImageTokens: sum((record) => record.inputImageTokens),
    cachedInputTokens: sum((record) => record.cachedInputTokens),
    outputTextTokens: 0n,
    outputImageTokens: sum((record) => record.outputImageTokens),
    cost: {
      currency: 'USD',
      amountMicros: sum(({ currency, costMicros }) => (currency === 'USD' ? (costMicros ?? 0) : 0)),
    },
    costs: byCurrency
      .map(([currency, some = []]) => ({
        currency,
        amountMicros: some.reduce((total, record) => total + BigInt(record.costMicros ?? 0), 0n),
      }))
      .sort((one, other) => (one.currency < other.currency ? -1 : 1)),
    estimated: sum((record) => Number(record.estimated)),
  }
}

function sumsOf(row: UsageRow) {
  const { userId, endUser, provider, model, kind, start, estimatedShare, ...sums } = row
  return { ...sums, estimated: BigInt(Math.round(estimatedShare * Number(row.operations))) }
}

function keyOfRow({ start, userId, endUser, provider, model, kind }: UsageRow): string {
  return JSON.stringify([start, userId, endUser, provider, model, kind])
}

test('adds up the same from the roll-up, from the records and by hand', async () => {
  await fc.assert(
    fc.asyncProperty(requests, async (request) => {
      const asked = written.filter((record) => isAsked(record, request))
      const groups = Map.groupBy(asked, (record) => keyOf(record, request))
      const { rows, total } = await usage.reportFor(admin, request)
      expect(sumsOf(total)).toEqual(sumUp(asked))
      const expected = request.groupBy.length > 0 ? [...groups] : []
      expect(new Map(rows.map((row) => [keyOfRow(row), sumsOf(row)]))).toEqual(
        new Map(expected.map(([key, records]) => [key, sumUp(records)])),
      )
    }),
    { numRuns: 250 },
  )
})

test('sorts by time first', async () => {
  const { rows } = await usage.reportFor(admin, {
    from: new Date(first),
    to: new Date(first + 4 * dayMs),
    groupBy: ['MODEL', 'DAY'],
  })
  const keys = rows.map((row) => `${row.start?.toISOString()} ${row.model}`)
  expect(keys).toEqual([...keys].sort())
  expect(rows).toHaveLength(12)
})

test('shows a member its own usage alone, also as a file', async () => {
  const [own = '', other = ''] = userIds
  const member: ReportViewer = { userId: own, role: 'MEMBER' }
  const range = { from: new Date(first), to: new Date(first + 4 * dayMs) }
  const ask = (userId?: string) =>
    usage.reportFor(member, { ...range, groupBy: ['USER'], ...(userId && { filter: { userIds: [userId] } }) })
  expect((await ask()).rows.map(({ userId }) => userId)).toEqual([own])
  expect(await ask(own)).toEqual(await ask())
  await expect(ask(other)).rejects.toMatchObject({ code: 'FORBIDDEN', details: { field: 'filter.userId' } })
  const parameters = { from: range.from.toISOString(), to: range.to.toISOString(), groupBy: 'USER' }
  const lines = await Array.fromAsync(usage.streamCsvFor(member, parameters))
  expect(lines.slice(1).map((line) => line.split(',')[1])).toEqual([own])
  expect(() => usage.streamCsvFor(member, { ...parameters, userId: other })).toThrow(
    expect.objectContaining({ code: 'FORBIDDEN', details: { field: 'userId' } }),
  )
})

test('begins rows at the midnights of the zone that is asked for, where clocks change too', async () => {
  const owner = {
    userId: userIds[0] ?? '',
    endUser: null,
    provider: 'clock',
    model: 'm',
    kind: 'EDIT',
  } as const
  const times = [
    '2026-10-31T04:00:00Z',
    '2026-11-01T03:59:59.999Z',
    '2026-11-01T04:00:00Z',
    '2026-11-02T04:59:59.999Z',
  ]
  for (const time of [...times, '2026-11-02T05:00:00Z']) {
    const operationId = await createOperation(database.prisma, owner.userId)
    await database.prisma.$transaction((tx) =>
      recordUsage(tx, { ...owner, operationId, at: new Date(time) }, makeFigures()),
    )
  }
  const range = { from: new Date('2026-10-31T04:00:00Z'), to: new Date('2026-11-03T00:00:00Z') }
  const ask = async (timeZone: string, groupBy: UsageDimension[] = ['DAY']) => {
    const { rows } = await usage.reportFor(admin, {
      ...range,
      groupBy,
      timeZone,
      filter: { provider: 'clock' },
    })
    return rows.map((row) => [row.start?.toISOString(), row.operations])
  }
  expect(await ask('America/New_York')).toEqual([
    ['2026-10-31T04:00:00.000Z', 2n],
    ['2026-11-01T04:00:00.000Z', 2n],
    ['2026-11-02T05:00:00.000Z', 1n],
  ])
  expect(await ask('America/New_York', ['MONTH'])).toEqual([
    ['2026-10-01T04:00:00.000Z', 2n],
    ['2026-11-01T04:00:00.000Z', 3n],
  ])
  expect((await ask('UTC')).map(([start]) => start)).toEqual([
    '2026-10-31T00:00:00.000Z',
    '2026-11-01T00:00:00.000Z',
    '2026-11-02T00:00:00.000Z',
  ])
  await expect(ask('Europe/Atlantis')).rejects.toMatchObject({
    code: 'BAD_USER_INPUT',
    details: { reason: 'TIME_ZONE_UNKNOWN', field: 'timeZone' },
  })
})

test('groups all times by hours, since only those with usage can have a row', async () => {
  const all = { from: new Date(0), to: new Date('9999-12-31T23:59:59Z') }
  const { rows, total } = await usage.reportFor(admin, {
    ...all,
    groupBy: ['HOUR'],
    timeZone: 'Europe/Moscow',
  })
  expect(rows.reduce((sum, row) => sum + row.operations, 0n)).toBe(total.operations)
  expect(
    (await usage.reportFor(admin, { ...all, from: new Date('9000-01-01'), groupBy: ['HOUR'] })).rows,
  ).toEqual([])
})

test('refuses a range that ends before it begins', async () => {
  const at = new Date(first)
  await expect(usage.reportFor(admin, { from: at, to: at, groupBy: [] })).rejects.toMatchObject({
    code: 'BAD_USER_INPUT',
    details: { reason: 'RANGE_EMPTY', field: 'to' },
  })
})

test('reports on all times, of which PostgreSQL does not know the first', async () => {
  const all = { from: new Date('0000-01-01T00:00:00Z'), to: new Date('9999-12-31T23:59:59Z'), groupBy: [] }
  const { total } = await usage.reportFor(admin, all)
  const since1970 = await usage.reportFor(admin, { ...all, from: new Date(0) })
  expect(total).toEqual(since1970.total)
  expect(total.operations).toBeGreaterThan(0n)
})

test('says that the roll-up agrees, finds what was tampered with and repairs it', async () => {
  expect(await usage.verifyRollUps({ repair: false })).toEqual({ agrees: true, differences: 0 })
  await database.prisma.$executeRaw`
    UPDATE usage_hour SET total_tokens = total_tokens + 1 WHERE hour >= '2026-05-31Z' AND hour < '2026-06-01Z' AND user_id = ${userIds[0]}::uuid`
  const wrong = await usage.verifyRollUps({ repair: false })
  expect(wrong.agrees).toBe(false)
  expect(wrong.differences).toBeGreaterThan(0)
  expect(await usage.verifyRollUps({ repair: true })).toEqual(wrong)
  expect(await usage.verifyRollUps({ repair: false })).toEqual({ agrees: true, differences: 0 })
})

test('writes a spreadsheet that runs nothing', async () => {
  const at = new Date('2027-01-01T10:30:00Z')
  const owner = { userId: userIds[0] ?? '', provider: 'openai', kind: 'EDIT', at } as const
  const models = ['=HYPERLINK("http://x")', '+1', '-1', '@SUM(A1)', '\t=1', 'plain, "quoted"']
  for (const model of models) {
    const operationId = await createOperation(database.prisma, owner.userId)
    const figures = makeFigures({ costMicros: 1_234_567 })
    await database.prisma.$transaction((tx) =>
      recordUsage(tx, { ...owner, operationId, endUser: null, model }, figures),
    )
  }
  const request = { from: at.toISOString(), to: new Date(at.getTime() + 1).toISOString(), groupBy: 'MODEL' }
  const lines = await Array.fromAsync(usage.streamCsvFor(admin, request))
  expect(lines[0]).toBe(
    'start,userId,endUser,provider,model,kind,operations,images,inputTokens,outputTokens,totalTokens,' +
      'inputTextTokens,inputImageTokens,outputTextTokens,outputImageTokens,cachedInputTokens,estimatedShare,cost USD\r\n',
  )
  expect(lines.slice(1).map((line) => line.slice(4, line.indexOf(',,1,')))).toEqual(
    expect.arrayContaining([
      `"'=HYPERLINK(""http://x"")"`,
      "'+1",
      "'-1",
      "'@SUM(A1)",
      "'\t=1",
      '"plain, ""quoted"""',
    ]),
  )
  expect(lines[1]).toMatch(/,0,1\.234567\r\n$/)
})

test('refuses a report of more rows than anybody reads', async () => {
  const userId = userIds[0] ?? ''
  await database.prisma.$executeRaw`
    WITH made AS (
      INSERT INTO operation (id, kind, user_id, fingerprint, input, provider, model, created_at, modified_at, deadline_at)
      SELECT gen_random_uuid(), 'EDIT', ${userId}::uuid, '', '{}', 'p', 'm', now(), now(), now()
        FROM generate_series(1, 10050) RETURNING id)
    INSERT INTO usage_record (operation_id, user_id, end_user, provider, model, kind, images, input_tokens, output_tokens,
      total_tokens, input_text_tokens, input_image_tokens, output_text_tokens, output_image_tokens, estimated, currency,
      created_at)
    SELECT id, ${userId}::uuid, id::text, 'p', 'm', 'EDIT', 1, 1, 1, 2, 1, 0, 0, 1, false, 'USD', '2028-01-01' FROM made`
  const range = { from: new Date('2028-01-01'), to: new Date('2028-01-02') }
  await expect(usage.reportFor(admin, { ...range, groupBy: ['END_USER'] })).rejects.toMatchObject({
    code: 'BAD_USER_INPUT',
    details: { reason: 'REPORT_TOO_LARGE', allowed: { maxRows: 10_000 } },
  })
  await usage.verifyRollUps({ repair: true })
  expect((await usage.reportFor(admin, { ...range, groupBy: ['HOUR'] })).total.operations).toBe(10_050n)
})
