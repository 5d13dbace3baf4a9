/**
 * How long reports over a million records take: `node test/usage/report-timing.ts`, by hand. One user has half of
 * the records, a year of them; everybody else shares the rest.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Database } from '../../src/database/database.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import type { ReportRequest, UsageDimension } from '../../src/usage/report-request.ts'
import { createUsage } from '../../src/usage/usage.ts'
import { startPostgres } from '../kit/database/postgres.ts'

const records = 1_000_000
const heavyUser = '00000000-0000-7000-8000-000000000000'
const day = 24 * 3_600_000
const end = Date.UTC(2026, 10, 21)

/** Operations are left out: a record is all that a report reads. */
async function fill({ prisma }: Database): Promise<void> {
  await prisma.$executeRawUnsafe('ALTER TABLE usage_record DROP CONSTRAINT usage_record_operation_id_fkey')
  await prisma.$executeRawUnsafe(`INSERT INTO "user" (id, name)
    SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'user ' || n FROM generate_series(0, 99) n`)
  for (let from = 0; from < records; from += 100_000) {
    await prisma.$executeRawUnsafe(`INSERT INTO usage_record
      SELECT ('10000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid,
             ('00000000-0000-7000-8000-' || lpad((CASE WHEN n % 2 = 0 THEN 0 ELSE 1 + n % 99 END)::text, 12, '0'))::uuid,
             'guest ' || n % 50, 'openai', 'model ' || n % 3,
             (ARRAY['GENERATE', 'EDIT', 'VARIATION'])[1 + n % 3]::"OperationKind", 1, 100 + n % 7, 272, 372 + n % 7,
             60, 40 + n % 7, 0, 272, n % 100 = 0, 11000, 'USD',
             timestamptz '2025-11-21Z' + (n * interval '31.5 seconds')
        FROM generate_series(${from}, ${from + 99_999}) n`)
  }
  await prisma.$executeRawUnsafe('ANALYZE')
}

async function measure(name: string, database: Database): Promise<void> {
  await fill(database)
  const usage = createUsage({
    prisma: database.prisma,
    now: () => new Date(end),
    newId: () => crypto.randomUUID(),
  })
  const repairStarted = performance.now()
  await usage.verifyRollUps({ repair: true })
  console.log(
    `${name}: roll-ups of ${records} records computed anew in ${Math.round(performance.now() - repairStarted)} ms`,
  )
  const last90 = { from: new Date(end - 90 * day), to: new Date(end) }
  const reports: [string, ReportRequest][] = [
    ['90 days of the heavy user, by day and model', request(['DAY', 'MODEL'], last90)],
    ['90 days of the heavy user, total', request([], last90)],
    [
      '90 days of the heavy user, ragged ends',
      request(['DAY'], { from: new Date(+last90.from + 1), to: new Date(end - 1) }),
    ],
    ['90 days of the heavy user, by end user (records)', request(['END_USER'], last90)],
    [
      'a year of everybody, by user',
      { ...request(['USER'], { from: new Date(end - 365 * day), to: new Date(end) }), filter: {} },
    ],
  ]
  for (const [title, each] of reports)
    console.log(
      `${name}: ${title}: ${await median(() => usage.reportFor({ userId: heavyUser, role: 'ADMIN' }, each))}`,
    )
}

function request(groupBy: UsageDimension[], range: { from: Date; to: Date }): ReportRequest {
  return { ...range, groupBy, filter: { userIds: [heavyUser] } }
}

async function median(run: () => Promise<{ rows: unknown[] }>): Promise<string> {
  const times: number[] = []
  let rows = 0
  for (let count = 0; count < 9; count++) {
    const started = performance.now()
    rows = (await run()).rows.length
    times.push(performance.now() - started)
  }
  return `${times.toSorted((a, b) => a - b)[4]?.toFixed(1)} ms (median of 9, ${rows} rows)`
}

const onError = (error: Error) => {
  throw error
}
const folder = await mkdtemp(join(tmpdir(), 'easel-timing-'))
const embedded = await openDatabase({ kind: 'embedded', folder, onError })
await measure('embedded', embedded)
await embedded.close()
await rm(folder, { recursive: true, force: true })

const server = await startPostgres()
if (server) {
  const database = await openDatabase({
    kind: 'server',
    url: server.url,
    poolSize: 5,
    queuePoolSize: 2,
    onError,
  })
  await measure('server', database)
  await database.close()
  await server.stop()
}
