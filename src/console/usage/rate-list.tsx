import { formatCount } from '../controls/format.ts'
import type { RatePartsFragment } from '../generated/graphql.ts'
import { rateLabels, rateNames } from './rate-labels.ts'

/** How much a user may ask for. */
export function RateList({ rates }: { rates: RatePartsFragment }) {
  return (
    <dl className="pairs">
      {rateNames.map((name) => (
        <div key={name}>
          <dt>{rateLabels[name]}</dt>
          <dd>{textOf(rates[name])}</dd>
        </div>
      ))}
    </dl>
  )
}

function textOf(limit: number | null): string {
  return limit === null ? 'Any number' : formatCount(limit)
}
