import { formatCount, formatMoney, labelOfValue } from '../controls/format.ts'
import type { EstimateCostQuery } from '../generated/graphql.ts'
import type { Estimate } from './use-estimate.ts'

type CostEstimate = EstimateCostQuery['estimateCost']

export function EstimatePanel({ estimate: { isIdle, estimate, failure } }: { estimate: Estimate }) {
  return (
    <section className="estimate" aria-label="Estimated cost" aria-live="polite">
      {estimate ? (
        <EstimateFigures estimate={estimate} />
      ) : (
        <p className="muted">{noteOf(isIdle, failure !== null)}</p>
      )}
    </section>
  )
}

function noteOf(isIdle: boolean, failed: boolean): string {
  if (isIdle) return 'The cost shows once the form is filled in.'
  return failed ? 'The cost shows once the form is right.' : 'Working out the cost…'
}

function EstimateFigures({ estimate }: { estimate: CostEstimate }) {
  const { certainty, cost, tokens, reasons, budgets } = estimate
  return (
    <>
      <p className="estimate-cost">
        <strong>{cost ? moneyRange(cost) : 'No price known'}</strong>
        <span className="muted">
          {certainty === 'EXACT' ? '' : certainty === 'RANGE' ? 'at most ' : 'perhaps '}
          {formatCount(tokens.max)} tokens
        </span>
      </p>
      {reasons.length > 0 && <p className="muted small reasons">{reasons.map(labelOfReason).join(', ')}</p>}
      {budgets.map((budget) => (
        <BudgetLine key={`${budget.period} ${budget.unit}`} budget={budget} estimate={estimate} />
      ))}
    </>
  )
}

function BudgetLine({
  budget,
  estimate,
}: {
  budget: CostEstimate['budgets'][number]
  estimate: CostEstimate
}) {
  const { cost, tokens } = estimate
  const most = budget.unit === 'TOKENS' ? tokens.max : (cost?.max.amountMicros ?? '0')
  const left = BigInt(budget.remaining) - BigInt(most)
  const show = (value: bigint) =>
    budget.unit === 'TOKENS'
      ? `${formatCount(String(value))} tokens`
      : formatMoney({ amountMicros: String(value), currency: cost?.max.currency ?? 'USD' })
  const period = { DAY: 'today', MONTH: 'this month', TOTAL: 'in all' }[budget.period]
  return (
    <p className="small" data-tone={left < 0n ? 'error' : undefined}>
      {left < 0n
        ? `Over the budget: ${show(BigInt(budget.remaining))} left ${period}`
        : `Leaves ${show(left)} ${period}`}
    </p>
  )
}

function moneyRange({ min, max }: NonNullable<CostEstimate['cost']>): string {
  return min.amountMicros === max.amountMicros
    ? formatMoney(max)
    : `${formatMoney(min)} – ${formatMoney(max)}`
}

function labelOfReason(reason: string): string {
  return labelOfValue(reason).toLowerCase()
}
