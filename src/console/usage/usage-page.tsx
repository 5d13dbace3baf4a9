import { useMemo } from 'react'
import { useQuery } from 'urql'
import { formatCount, formatMoney } from '../controls/format.ts'
import { FailureNotice } from '../controls/notice.tsx'
import { Segments } from '../controls/segments.tsx'
import { SelectField } from '../controls/select-field.tsx'
import { UsageRowsDocument, type UsageRowsQuery, ViewerLimitsDocument } from '../generated/graphql.ts'
import { failureOf } from '../graphql/failure.ts'
import { hrefOf, replaceLocation } from '../routing/location.ts'
import { useViewer } from '../session/viewer-context.ts'
import { BudgetMeter } from './budget-meter.tsx'
import { ProviderLosses } from './provider-losses.tsx'
import { RateList } from './rate-list.tsx'
import { UsageChart } from './usage-chart.tsx'
import { UsageDownload } from './usage-download.tsx'
import { findTimeZone, type RangeId, rangeChoices, rangeOf, type UsageRange } from './usage-range.ts'
import { type Breakdown, buildBuckets, buildSeries, coloured, type Measure } from './usage-series.ts'
import { UsageTable } from './usage-table.tsx'

const measures: { id: Measure; label: string }[] = [
  { id: 'money', label: 'Money' },
  { id: 'tokens', label: 'Tokens' },
  { id: 'images', label: 'Images' },
]

const breakdowns: { id: Breakdown; label: string }[] = [
  { id: 'MODEL', label: 'Model' },
  { id: 'KIND', label: 'Kind' },
  { id: 'PROVIDER', label: 'Provider' },
  { id: 'USER', label: 'User' },
  { id: 'END_USER', label: 'End user' },
]

export function UsagePage({ params }: { params: URLSearchParams }) {
  const rangeId = pick(rangeChoices, params.get('range'), 'month')
  const by = pick(breakdowns, params.get('by'), 'MODEL')
  const measure = pick(measures, params.get('measure'), 'money')
  const range = useMemo(() => rangeOf(rangeId, new Date(), findTimeZone()), [rangeId])
  const set = (change: Record<string, string>) =>
    replaceLocation(hrefOf(['usage'], { range: rangeId, by, measure, ...change }))
  const isAdmin = useViewer().role === 'ADMIN'
  return (
    <div className="page">
      <header className="page-head">
        <h1>Usage</h1>
        <p className="muted">
          {isAdmin ? 'What everybody used' : 'What you used'}, by days and months of your time zone,{' '}
          {range.timeZone}.
        </p>
      </header>
      <div className="filters">
        <SelectField
          label="Time"
          choices={rangeChoices}
          value={rangeId}
          onChange={(id: RangeId) => set({ range: id })}
        />
        <SelectField
          label="By"
          choices={breakdowns}
          value={by}
          onChange={(id: Breakdown) => set({ by: id })}
        />
        <Segments
          label="Measure"
          choices={measures}
          value={measure}
          onChange={(id: Measure) => set({ measure: id })}
        />
        <UsageDownload range={range} by={by} />
      </div>
      <UsageReport range={range} by={by} measure={measure} />
      <OwnLimits />
      {isAdmin && <ProviderLosses range={range} />}
    </div>
  )
}

interface UsageReportProps {
  range: UsageRange
  by: Breakdown
  measure: Measure
}

function UsageReport({ range, by, measure }: UsageReportProps) {
  const [{ data, error }] = useQuery({
    query: UsageRowsDocument,
    variables: { from: range.from, to: range.to, groupBy: [range.bucket, by], timeZone: range.timeZone },
    requestPolicy: 'cache-and-network',
  })
  if (error) return <FailureNotice failure={failureOf(error)} />
  if (!data) return <p className="muted">Adding up…</p>
  const { rows, total } = data.usage
  const series = buildSeries(rows, by, measure)
  const shown = coloured(series)
  const heading = breakdowns.find(({ id }) => id === by)?.label ?? by
  return (
    <>
      <Totals total={total} />
      <section className="card" aria-label="Usage over time">
        {rows.length === 0 ? (
          <p className="empty muted">Nothing was used in this time.</p>
        ) : (
          <>
            <UsageChart
              buckets={buildBuckets({ rows, by, measure, range, shown })}
              shown={shown}
              measure={measure}
              currency={total.cost.currency}
            />
            <UsageTable series={series} total={total} heading={heading} />
          </>
        )}
      </section>
    </>
  )
}

function Totals({ total }: { total: UsageRowsQuery['usage']['total'] }) {
  const figures: [string, string][] = [
    ['Cost', formatMoney(total.cost)],
    ['Images', formatCount(total.images)],
    ['Tokens', formatCount(total.totalTokens)],
    ['Operations', formatCount(total.operations)],
  ]
  return (
    <dl className="totals">
      {figures.map(([label, value]) => (
        <div key={label}>
          <dt className="muted">{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

/** The budgets and rates of the viewer. */
function OwnLimits() {
  const [{ data }] = useQuery({ query: ViewerLimitsDocument, requestPolicy: 'cache-and-network' })
  const budgets = data?.viewer.budgets ?? []
  return (
    <div className="columns">
      <section className="card" aria-labelledby="budgets">
        <h2 id="budgets">Your budgets</h2>
        {data && budgets.length === 0 && <p className="muted">No limit is set.</p>}
        {budgets.map((budget) => (
          <BudgetMeter key={`${budget.period} ${budget.unit}`} budget={budget} />
        ))}
      </section>
      <section className="card" aria-labelledby="rates">
        <h2 id="rates">Your rates</h2>
        {data && <RateList rates={data.viewer.rateLimits} />}
        <p className="muted small">A key may have less. What is beyond is refused, and costs nothing.</p>
      </section>
    </div>
  )
}

function pick<Id extends string>(choices: readonly { id: Id }[], wanted: string | null, standard: Id): Id {
  return choices.find(({ id }) => id === wanted)?.id ?? standard
}
