import type { CalendarUnit } from '../calendar.ts'
import type { MoneyRules } from '../catalogue/exchange-rate.ts'
import { Prisma } from '../database/generated/client.ts'
import type { ReportRequest, UsageDimension, UsageFilter } from './report-request.ts'
import { hourColumns, recordColumns, reportSums } from './usage-columns.ts'

type Sql = Prisma.Sql

const hourMs = 3_600_000

/** Both tables in the same columns; a record counts as one operation. */
const fromHours = Prisma.sql`
  SELECT user_id, NULL::text AS end_user, provider, model, kind, hour AS at, currency, ${hourColumns}
    FROM usage_hour`
const fromRecords = Prisma.sql`
  SELECT user_id, end_user, provider, model, kind, created_at AS at, currency, ${recordColumns}
    FROM usage_record`

/**
 * The whole report in one statement, the total first: `limit` cuts groups, never the total. Where it is grouped by a unit
 * of time, `starts` has where each begins, in order; the first of them is not after the report's beginning.
 */
export function reportQuery(
  request: ReportRequest,
  { starts, limit, money }: { starts: readonly Date[]; limit: number; money: MoneyRules },
): Sql {
  const groups = groupColumns(request.groupBy)
  const names = Prisma.join([...groups.map((group) => group.column), Prisma.sql`currency`])
  const sets = groups.length > 0 ? Prisma.sql`(${names}), (currency)` : Prisma.sql`(currency)`
  const isTotal = groups[0] ? Prisma.sql`GROUPING(${groups[0].column}) = 1` : Prisma.sql`TRUE`
  return Prisma.sql`
    WITH units AS (SELECT ${toTexts(starts)}::timestamptz[] AS starts),
         source AS (${sourceOf(request, starts)}),
         grouped AS (SELECT *, (SELECT starts FROM units)[width_bucket(at, (SELECT starts FROM units))] AS start,
                            ${rateOf(money)} AS rate
                       FROM source)
    SELECT ${isTotal} AS "isTotal", ${selectDimensions(groups)}, currency, ${reportSums},
           round(SUM(cost_micros * rate))::bigint AS "convertedMicros"
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
    ${select('start', Prisma.sql`timestamptz`)} AS "start", ${select('userId', Prisma.sql`text`)} AS "userId",
    ${select('endUser', Prisma.sql`text`)} AS "endUser", ${select('provider', Prisma.sql`text`)} AS "provider",
    ${select('model', Prisma.sql`text`)} AS "model", ${select('kind', Prisma.sql`text`)} AS "kind"`
}

/** The unit of time that a report is grouped by: of several the finest. */
export function unitOf(groupBy: readonly UsageDimension[]): CalendarUnit | null {
  return (['HOUR', 'DAY', 'MONTH'] as const).find((unit) => groupBy.includes(unit)) ?? null
}

/** What the currency of a row was worth on its day (of UTC) in that of reports: the newest rate that had begun, or null. */
function rateOf({ currency, rates }: MoneyRules): Sql {
  const cases = rates
    .filter(({ to }) => to === currency)
    .toSorted((one, other) => (one.since < other.since ? 1 : -1))
    .map(
      ({ from, since, rate }) =>
        Prisma.sql`WHEN currency = ${from} AND at >= ${`${since}T00:00:00Z`}::timestamptz THEN ${rate}::numeric`,
    )
  const own = Prisma.sql`WHEN currency = ${currency} THEN 1::numeric`
  return Prisma.sql`CASE ${Prisma.join([own, ...cases], ' ')} END`
}

/** The roll-up knows no end users, and no hours that begin a quarter past those of UTC. */
export function needsRecords(
  { groupBy, filter }: Pick<ReportRequest, 'groupBy' | 'filter'>,
  starts: readonly Date[],
): boolean {
  const isByPartOfHour = groupBy.includes('HOUR') && starts.some(isWithinHour)
  return groupBy.includes('END_USER') || filter?.endUser != null || isByPartOfHour
}

/**
 * Whole hours of UTC come from the roll-up where it has the dimensions asked for; the ragged ends and the hours in which
 * a day begins from the records.
 */
function sourceOf(request: ReportRequest, starts: readonly Date[]): Sql {
  const { from, to, filter = {} } = request
  const first = new Date(Math.ceil(from.getTime() / hourMs) * hourMs)
  const last = hourOf(to)
  if (needsRecords(request, starts) || first >= last) return recordsBetween(from, to, filter)
  const split = toTexts(
    starts.filter((start) => start > first && start < last && isWithinHour(start)).map(hourOf),
  )
  const isWhole = split.length > 0 ? Prisma.sql`AND hour <> ALL(${split}::timestamptz[])` : Prisma.empty
  const hours = Prisma.sql`${fromHours} WHERE hour >= ${first} AND hour < ${last} ${isWhole} ${matching(filter)}`
  const others = [
    ...(from < first ? [recordsBetween(from, first, filter)] : []),
    ...(last < to ? [recordsBetween(last, to, filter)] : []),
    ...(split.length > 0 ? [recordsOfHours(split, filter)] : []),
  ]
  return Prisma.join([hours, ...others], ' UNION ALL ')
}

const hourOf = (at: Date) => new Date(Math.floor(at.getTime() / hourMs) * hourMs)
const isWithinHour = (at: Date) => at.getTime() % hourMs !== 0
const toTexts = (moments: readonly Date[]) => moments.map((moment) => moment.toISOString())

function recordsOfHours(hours: string[], filter: UsageFilter): Sql {
  return Prisma.sql`${fromRecords} JOIN unnest(${hours}::timestamptz[]) AS split(hour)
      ON created_at >= split.hour AND created_at < split.hour + interval '1 hour' WHERE TRUE ${matching(filter)}`
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
