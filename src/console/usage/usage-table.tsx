import { formatCount, formatMoney } from '../controls/format.ts'
import type { UsageSumsFragment } from '../generated/graphql.ts'
import type { UsageSeries } from './usage-series.ts'

interface UsageTableProps {
  series: readonly UsageSeries[]
  total: UsageSumsFragment
  heading: string
}

export function UsageTable({ series, total, heading }: UsageTableProps) {
  const { currency } = total.cost
  return (
    <section className="table-scroll" aria-label="Usage as a table">
      <table>
        <thead>
          <tr>
            <th scope="col">{heading}</th>
            <th scope="col">Operations</th>
            <th scope="col">Images</th>
            <th scope="col">Input tokens</th>
            <th scope="col">Output tokens</th>
            <th scope="col">Cost</th>
          </tr>
        </thead>
        <tbody>
          {series.map(({ id, label, sums }) => (
            <tr key={id}>
              <th scope="row">{label}</th>
              <td>{formatCount(sums.operations)}</td>
              <td>{formatCount(sums.images)}</td>
              <td>{formatCount(String(sums.inputTokens))}</td>
              <td>{formatCount(String(sums.outputTokens))}</td>
              <td>{formatMoney({ amountMicros: String(sums.micros), currency })}</td>
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">All</th>
            <td>{formatCount(total.operations)}</td>
            <td>{formatCount(total.images)}</td>
            <td>{formatCount(total.inputTokens)}</td>
            <td>{formatCount(total.outputTokens)}</td>
            <td>{formatMoney(total.cost)}</td>
          </tr>
        </tfoot>
      </table>
    </section>
  )
}
