import { formatCount, formatMoney, labelOfValue } from '../controls/format.ts'
import { adviceOnRate } from '../controls/rate-advice.ts'
import type { EstimateCostQuery } from '../generated/graphql.ts'
import type { Failure } from '../graphql/failure.ts'
import type { Estimate } from './use-estimate.ts'

type CostEstimate = EstimateCostQuery['estimateCost']

export function EstimatePanel({ estimate: { isIdle, estimate, failure } }: { estimate: Estimate }) {
  return (
    <section className="estimate" aria-label="Estimated cost" aria-live="polite">
      {estimate ? (
        <EstimateFigures estimate={estimate} />
      ) : (
        <p className="muted">{noteOf(isIdle, failure)}</p>
      )}
    </section>
  )
}

function noteOf(isIdle: boolean, failure: Failure | null): string {
  if (isIdle) return 'The cost shows once the form is filled in.'
  if (!failure) return 'Working out the cost…'
  return adviceOnRate(failure) ?? 'The cost shows once the form is right.'
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
  const { currency, remaining } = budget
  const show = (value: bigint) =>
    typeof currency === 'string'
      ? formatMoney({ amountMicros: String(value), currency })
      : `${formatCount(String(value))} tokens`
  const period = { DAY: 'today', MONTH: 'this month', TOTAL: 'in all' }[budget.period]
  const most = mostFor(budget, estimate)
  // The gateway alone knows the rates.
  if (most === null) return <p className="small">{`${show(BigInt(remaining))} left ${period}`}</p>
  const left = BigInt(remaining) - most
  return (
    <p className="small" data-tone={left < 0n ? 'error' : undefined}>
      {left < 0n
        ? `Over the budget: ${show(BigInt(remaining))} left ${period}`
        : `Leaves ${show(left)} ${period}`}
    </p>
  )
}

/** Null where what it costs is not known in the currency of the budget. */
function mostFor(
  { unit, currency }: CostEstimate['budgets'][number],
  { cost, tokens }: CostEstimate,
): bigint | null {
  if (unit === 'TOKENS') return BigInt(tokens.max)
  return cost && cost.max.currency === currency ? BigInt(cost.max.amountMicros) : null
}

function moneyRange({ min, max }: NonNullable<CostEstimate['cost']>): string {
  return min.amountMicros === max.amountMicros
    ? formatMoney(max)
    : `${formatMoney(min)} – ${formatMoney(max)}`
}

function labelOfReason(reason: string): string {
  return labelOfValue(reason).toLowerCase()
}
