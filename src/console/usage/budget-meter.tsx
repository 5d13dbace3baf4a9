import { Label } from 'react-aria-components/Label'
import { Meter } from 'react-aria-components/Meter'
import { formatCount, formatMoment, formatMoney } from '../controls/format.ts'
import type { BudgetPartsFragment } from '../generated/graphql.ts'

const periods = { DAY: 'Today', MONTH: 'This month', TOTAL: 'In all' }

/** The used, the reserved and the remaining part of a budget. */
export function BudgetMeter({ budget }: { budget: BudgetPartsFragment }) {
  const { period, unit, currency, limit, used, reserved, remaining, resetsAt } = budget
  const show = (value: string) =>
    currency === null || currency === undefined
      ? `${formatCount(value)} tokens`
      : formatMoney({ amountMicros: value, currency })
  const share = (value: string) => (limit === '0' ? 0 : Math.min(100, (Number(value) / Number(limit)) * 100))
  return (
    <Meter className="meter" value={share(used)} valueLabel={`${show(used)} of ${show(limit)}`}>
      {({ valueText }) => (
        <>
          <div className="meter-head">
            <Label>
              {periods[period]}, {unit === 'TOKENS' ? 'tokens' : `money in ${currency}`}
            </Label>
            <span className="muted">{valueText}</span>
          </div>
          <div className="meter-track">
            <div className="meter-used" style={{ width: `${share(used)}%` }} />
            <div
              className="meter-reserved"
              style={{ width: `${Math.min(100 - share(used), share(reserved))}%` }}
            />
          </div>
          <p className="facts muted small">
            <span>{show(remaining)} left</span>
            {reserved !== '0' && <span>{show(reserved)} reserved by running operations</span>}
            {resetsAt && <span>Starts anew {formatMoment(resetsAt)}</span>}
          </p>
        </>
      )}
    </Meter>
  )
}
