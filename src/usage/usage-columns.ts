import { tokenKeys } from '../catalogue/tokens.ts'
import { Prisma } from '../database/generated/client.ts'

type Sql = Prisma.Sql

/** The keys by which usage is added up, in the order of all statements. */
export const summedKeys = ['operations', 'images', ...tokenKeys, 'estimated', 'costMicros'] as const

type SummedKey = (typeof summedKeys)[number]

/** The column of a key: `input_text_tokens` for `inputTextTokens`. */
export const columnName = (key: string) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

const columnOf = Object.fromEntries(summedKeys.map((key) => [key, Prisma.raw(columnName(key))])) as Record<
  SummedKey,
  Sql
>

/** The values of one record, which counts as one operation. */
const ofRecord: Record<SummedKey, Sql> = {
  ...columnOf,
  operations: Prisma.sql`1::bigint`,
  images: Prisma.sql`images::bigint`,
  estimated: Prisma.sql`estimated::int::bigint`,
  costMicros: Prisma.sql`COALESCE(cost_micros, 0)`,
}

const list = (make: (key: SummedKey) => Sql) => Prisma.join(summedKeys.map(make), ', ')

/** The columns of `usage_hour`, */
export const hourColumns = list((key) => columnOf[key])
/** a record of `usage_record` as such columns, */
export const recordColumns = list((key) => Prisma.sql`${ofRecord[key]} AS ${columnOf[key]}`)
/** the sum of records as such columns, */
export const recordSums = list((key) => Prisma.sql`SUM(${ofRecord[key]})::bigint AS ${columnOf[key]}`)
/** the sum of such columns under the keys, as a report reads them, */
export const reportSums = list(
  (key) => Prisma.sql`SUM(${columnOf[key]})::bigint AS ${Prisma.raw(`"${key}"`)}`,
)
/** and the values of the row `h` of an hour after another one is added to it. */
export const addedColumns = list(
  (key) => Prisma.sql`${columnOf[key]} = h.${columnOf[key]} + EXCLUDED.${columnOf[key]}`,
)

/** The unique key of a row of `usage_hour`, */
export const hourKeys = Prisma.sql`user_id, hour, provider, model, kind, currency`
/** and the same of a record. */
export const recordKeys = Prisma.sql`
  user_id, date_trunc('hour', created_at, 'UTC') AS hour, provider, model, kind, currency`
