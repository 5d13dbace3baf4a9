import { type Calendar, createCalendar, isTimeZone, monthOf } from '../calendar.ts'
import { type AdminAction, type AdminContext, show } from './admin-context.ts'
import { AdminError, exitCodes } from './admin-error.ts'
import { readMoment } from './moment.ts'
import { printJson, printMoney, printTable } from './table.ts'
import { findUserId } from './users.ts'

const dimensions = {
  USER: 'user',
  END_USER: 'endUser',
  PROVIDER: 'provider',
  MODEL: 'model',
  KIND: 'kind',
  HOUR: 'start',
  DAY: 'start',
  MONTH: 'start',
} as const

type Dimension = keyof typeof dimensions

interface Row {
  user: { id: string; name: string } | null
  endUser: string | null
  provider: string | null
  model: string | null
  kind: string | null
  start: string | null
  operations: number
  images: number
  inputTokens: string
  outputTokens: string
  totalTokens: string
  costs: { amountMicros: string; currency: string }[]
}

const rowFields = `user { id name } endUser provider model kind start operations images inputTokens outputTokens
  totalTokens inputTextTokens inputImageTokens outputTextTokens outputImageTokens cachedInputTokens estimatedShare
  costs { amountMicros currency }`

const document = `query Usage($from: DateTime!, $to: DateTime!, $groupBy: [UsageDimension!]!, $filter: UsageFilter, $timeZone: String) {
  usage(from: $from, to: $to, groupBy: $groupBy, filter: $filter, timeZone: $timeZone) { rows { ${rowFields} } total { ${rowFields} } } }`

export interface ReportOptions {
  from?: string
  to?: string
  groupBy?: string
  user?: string
  endUser?: string
  provider?: string
  model?: string
  kind?: string
  timeZone?: string
  csv?: boolean
}

export const reportUsage: AdminAction<[options: ReportOptions]> = async (context, options) => {
  const calendar = await findCalendar(context, options)
  const range = readRange(options, context.now(), calendar)
  const { timeZone } = calendar
  const groupBy = readGroupBy(options.groupBy)
  const userId = options.user === undefined ? undefined : await findUserId(context.gateway, options.user)
  const { endUser, provider, model } = options
  const filter = { userId, endUser, provider, model, kind: options.kind?.toUpperCase() }
  if (options.csv) {
    const parameters = JSON.parse(
      JSON.stringify({ ...range, groupBy: groupBy.join(','), timeZone, ...filter }),
    )
    for await (const piece of context.gateway.download('/usage.csv', parameters)) context.write(piece)
    return
  }
  const variables = { ...range, groupBy, timeZone, filter: { ...filter, userId: userId && [userId] } }
  const { usage } = await context.gateway.query<{ usage: { rows: Row[]; total: Row } }>(document, variables)
  if (context.json) context.write(printJson(usage))
  else showReport(context, groupBy, usage)
}

function showReport(
  { write }: AdminContext,
  groupBy: Dimension[],
  { rows, total }: { rows: Row[]; total: Row },
): void {
  const names = [...new Set(groupBy.map((dimension) => dimensions[dimension]))]
  const toCells = (row: Row) => [
    ...names.map((name) => (name === 'user' ? (row.user?.name ?? null) : row[name])),
    ...[row.operations, row.images, row.inputTokens, row.outputTokens, row.totalTokens],
    row.costs.map(({ amountMicros, currency }) => printMoney(amountMicros, currency)).join(' + ') || null,
  ]
  const [first = '', ...others] = names
  const totalCells = toCells(total).slice(names.length)
  const lead = first === '' ? [] : ['total', ...others.map(() => '')]
  const columns = [...names, 'operations', 'images', 'input', 'output', 'tokens', 'cost']
  write(printTable(columns, [...rows.map(toCells), [...lead, ...totalCells]]))
}

const losses = `query ProviderLosses($from: DateTime!, $to: DateTime!) {
  providerLosses(from: $from, to: $to) {
    rows { createdAt totalTokens cost { amountMicros currency }
      operation { id createdBy { id name } metadata { provider model upstreamRequestIds upstreamOperationIds }
        status error { reason } } }
    total { operations totalTokens costs { amountMicros currency } } } }`

interface Loss {
  createdAt: string
  totalTokens: string
  cost: { amountMicros: string; currency: string }
  operation: {
    id: string
    createdBy: { id: string; name: string }
    metadata: {
      provider: string
      model: string
      upstreamRequestIds: string[]
      upstreamOperationIds: string[]
    }
    status: string
    error: { reason: string } | null
  } | null
}

interface LossReport {
  rows: Loss[]
  total: { operations: number; totalTokens: string; costs: { amountMicros: string; currency: string }[] }
}

export const reportLosses: AdminAction<[options: Pick<ReportOptions, 'from' | 'to' | 'timeZone'>]> = async (
  context,
  options,
) => {
  const range = readRange(options, context.now(), await findCalendar(context, options))
  const { providerLosses } = await context.gateway.query<{ providerLosses: LossReport }>(losses, range)
  if (context.json) context.write(printJson(providerLosses))
  else showLosses(context, providerLosses)
}

function showLosses({ write }: AdminContext, { rows, total }: LossReport): void {
  const costs = total.costs.map(({ amountMicros, currency }) => printMoney(amountMicros, currency))
  const cells = rows.map(({ createdAt, totalTokens, cost, operation }) => [
    createdAt,
    operation?.createdBy.name ?? null,
    operation && `${operation.metadata.provider}/${operation.metadata.model}`,
    operation?.error?.reason ?? null,
    operation?.metadata.upstreamRequestIds.join(' ') || null,
    totalTokens,
    printMoney(cost.amountMicros, cost.currency),
  ])
  const sum = ['total', null, null, null, null, total.totalTokens, costs.join(' + ') || null]
  write(
    printTable(['booked', 'user', 'model', 'reason', 'provider request', 'tokens', 'cost'], [...cells, sum]),
  )
}

/** The calendar by which days are meant, and reports begin their rows. */
async function findCalendar({ gateway }: AdminContext, { timeZone }: ReportOptions): Promise<Calendar> {
  if (timeZone !== undefined && !isTimeZone(timeZone)) {
    const message = `--time-zone is a name such as Europe/Moscow, not "${timeZone}".`
    throw new AdminError(message, exitCodes.misused)
  }
  const standard = async () => (await gateway.query<{ timeZone: string }>('{ timeZone }', {})).timeZone
  return createCalendar(timeZone ?? (await standard()))
}

/** This month so far, unless told otherwise. */
function readRange({ from, to }: ReportOptions, now: Date, calendar: Calendar): { from: string; to: string } {
  const month = () => calendar.beginningOf(new Date(monthOf(calendar.dateOf(now).getTime(), 0)))
  return {
    from: from === undefined ? month().toISOString() : readMoment('--from', from, calendar),
    to: to === undefined ? now.toISOString() : readMoment('--to', to, calendar),
  }
}

function readGroupBy(text: string | undefined): Dimension[] {
  const asked = text?.split(',').filter(Boolean) ?? []
  return asked.map((name) => {
    const dimension = name.trim().toUpperCase().replace('-', '_')
    if (Object.hasOwn(dimensions, dimension)) return dimension as Dimension
    const allowed = Object.keys(dimensions).join(', ').toLowerCase()
    throw new AdminError(
      `--group-by takes ${allowed}, with commas between, not "${name}".`,
      exitCodes.misused,
    )
  })
}

export const verifyUsage: AdminAction<[options: { repair?: boolean }]> = async (
  context,
  { repair = false },
) => {
  const verify = `mutation VerifyUsage($repair: Boolean!) { verifyUsage(repair: $repair) { agrees differences } }`
  const { verifyUsage: found } = await context.gateway.query<{
    verifyUsage: { agrees: boolean; differences: number }
  }>(verify, { repair })
  const { agrees, differences } = found
  const wrong = `${differences} hourly sums ${repair ? 'were wrong and are right now' : 'differ from the records'}.`
  show(
    context,
    { ...found, repaired: repair && !agrees },
    agrees ? 'The hourly sums agree with the records.' : wrong,
  )
  return agrees || repair ? exitCodes.done : exitCodes.disagrees
}
