import { Prisma } from '../database/generated/client.ts'
import type { ReportRequest, UsageDimension, UsageFilter } from './report-request.ts'
import { dayOf } from './spending-window.ts'
import { dayColumns, recordColumns, reportSums } from './usage-columns.ts'

type Sql = Prisma.Sql

const dayMs = 24 * 60 * 60 * 1000

/** Both tables in the same columns; a record counts as one operation. */
const fromDays = Prisma.sql`
  SELECT user_id, NULL::text AS end_user, provider, model, kind, day::timestamp AS at, currency, ${dayColumns}
    FROM usage_day`
const fromRecords = Prisma.sql`
  SELECT user_id, end_user, provider, model, kind, created_at AT TIME ZONE 'UTC' AS at, currency, ${recordColumns}
    FROM usage_record`

/** The whole report in one statement, the total first: `limit` cuts groups, never the total. */
export function reportQuery(request: ReportRequest, limit: number): Sql {
  const groups = groupColumns(request.groupBy)
  const names = Prisma.join([...groups.map((group) => group.column), Prisma.sql`currency`])
  const sets = groups.length > 0 ? Prisma.sql`(${names}), (currency)` : Prisma.sql`(currency)`
  const isTotal = groups[0] ? Prisma.sql`GROUPING(${groups[0].column}) = 1` : Prisma.sql`TRUE`
  return Prisma.sql`
    WITH source AS (${sourceOf(request)}),
         grouped AS (SELECT *, ${truncate(request.groupBy)} AS start FROM source)
    SELECT ${isTotal} AS "isTotal", ${selectDimensions(groups)}, currency, ${reportSums}
      FROM grouped
     GROUP BY GROUPING SETS (${sets})
     ORDER BY "isTotal" DESC, ${names}
     LIMIT ${limit}`
}

interface Group {
  column: Sql
  name: string
}

const columns = {
  start: Prisma.sql`start`,
  userId: Prisma.sql`user_id`,
  endUser: Prisma.sql`end_user`,
  provider: Prisma.sql`provider`,
  model: Prisma.sql`model`,
  kind: Prisma.sql`kind`,
}

const columnOf: Record<UsageDimension, keyof typeof columns> = {
  USER: 'userId',
  END_USER: 'endUser',
  PROVIDER: 'provider',
  MODEL: 'model',
  KIND: 'kind',
  HOUR: 'start',
  DAY: 'start',
  MONTH: 'start',
}

/** The dimensions in the order in which rows are sorted, time first. */
function groupColumns(groupBy: readonly UsageDimension[]): Group[] {
  const asked = new Set(groupBy.map((dimension) => columnOf[dimension]))
  return (Object.keys(columns) as (keyof typeof columns)[])
    .filter((name) => asked.has(name))
    .map((name) => ({ name, column: columns[name] }))
}

function selectDimensions(groups: Group[]): Sql {
  const grouped = new Set(groups.map((group) => group.name))
  const select = (name: keyof typeof columns, type: Sql) =>
    Prisma.sql`${grouped.has(name) ? columns[name] : Prisma.sql`NULL`}::${type}`
  return Prisma.sql`
    ${select('start', Prisma.sql`timestamp`)} AS "start", ${select('userId', Prisma.sql`text`)} AS "userId",
    ${select('endUser', Prisma.sql`text`)} AS "endUser", ${select('provider', Prisma.sql`text`)} AS "provider",
    ${select('model', Prisma.sql`text`)} AS "model", ${select('kind', Prisma.sql`text`)} AS "kind"`
}

function truncate(groupBy: readonly UsageDimension[]): Sql {
  if (groupBy.includes('HOUR')) return Prisma.sql`date_trunc('hour', at)`
  if (groupBy.includes('DAY')) return Prisma.sql`date_trunc('day', at)`
  if (groupBy.includes('MONTH')) return Prisma.sql`date_trunc('month', at)`
  return Prisma.sql`NULL::timestamp`
}

/** The roll-up knows neither hours nor end users. */
export function needsRecords({ groupBy, filter }: Pick<ReportRequest, 'groupBy' | 'filter'>): boolean {
  return groupBy.includes('END_USER') || groupBy.includes('HOUR') || filter?.endUser != null
}

/** Whole UTC days come from the roll-up where it has the dimensions asked for; the ragged ends from the records. */
function sourceOf({ from, to, groupBy, filter = {} }: ReportRequest): Sql {
  const firstDay = new Date(Math.ceil(from.getTime() / dayMs) * dayMs)
  const lastDay = dayOf(to)
  if (needsRecords({ groupBy, filter }) || firstDay >= lastDay) return recordsBetween(from, to, filter)
  const days = Prisma.sql`${fromDays} WHERE day >= ${firstDay}::date AND day < ${lastDay}::date ${matching(filter)}`
  const ends = [
    ...(from < firstDay ? [recordsBetween(from, firstDay, filter)] : []),
    ...(lastDay < to ? [recordsBetween(lastDay, to, filter)] : []),
  ]
  return Prisma.join([days, ...ends], ' UNION ALL ')
}

function recordsBetween(from: Date, to: Date, filter: UsageFilter): Sql {
  return Prisma.sql`${fromRecords} WHERE created_at >= ${from} AND created_at < ${to} ${matching(filter)}`
}

/** Null and missing filters match everything; an empty list of users matches nobody. */
function matching({ userIds, endUser, provider, model, kind }: UsageFilter): Sql {
  const conditions = [
    userIds && Prisma.sql`AND user_id = ANY(${userIds}::uuid[])`,
    endUser != null && Prisma.sql`AND end_user = ${endUser}`,
    provider != null && Prisma.sql`AND provider = ${provider}`,
    model != null && Prisma.sql`AND model = ${model}`,
    kind != null && Prisma.sql`AND kind = ${kind}::"OperationKind"`,
  ].filter((condition) => condition !== undefined && condition !== null && condition !== false)
  return conditions.length > 0 ? Prisma.join(conditions, ' ') : Prisma.empty
}
