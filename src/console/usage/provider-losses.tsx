import { useQuery } from 'urql'
import { formatCount, formatMoment, formatMoney } from '../controls/format.ts'
import { ProviderLossesDocument, type ProviderLossesQuery } from '../generated/graphql.ts'
import { hrefOf } from '../routing/location.ts'
import type { UsageRange } from './usage-range.ts'

type Losses = ProviderLossesQuery['providerLosses']

const shownRows = 20

/** For admins: calls that a provider may charge for although their images did not arrive. */
export function ProviderLosses({ range }: { range: UsageRange }) {
  const [{ data }] = useQuery({
    query: ProviderLossesDocument,
    variables: { from: range.from, to: range.to },
    requestPolicy: 'cache-and-network',
  })
  if (!data) return null
  const { rows, total } = data.providerLosses
  return (
    <section className="card" aria-labelledby="losses">
      <h2 id="losses">Provider losses</h2>
      <p className="muted">
        Calls that a provider may have charged for and that brought nobody an image, or fewer than were asked
        for. Users pay only for what came.
      </p>
      {rows.length === 0 ? (
        <p className="muted">There were none in this time.</p>
      ) : (
        <LossTable rows={rows} total={total} />
      )}
    </section>
  )
}

function LossTable({ rows, total }: Losses) {
  return (
    <section className="table-scroll" aria-label="Provider losses as a table">
      <table>
        <thead>
          <tr>
            <th scope="col">Booked</th>
            <th scope="col">User</th>
            <th scope="col">Model</th>
            <th scope="col">Reason</th>
            <th scope="col">Tokens, at most</th>
            <th scope="col">Cost, at most</th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, shownRows).map((row) => (
            <LossRow key={`${row.createdAt} ${row.operation?.id}`} row={row} />
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">All {formatCount(total.operations)}</th>
            <td />
            <td />
            <td />
            <td>{formatCount(total.totalTokens)}</td>
            <td>{total.costs.map(formatMoney).join(' + ')}</td>
          </tr>
        </tfoot>
      </table>
    </section>
  )
}

function LossRow({ row }: { row: Losses['rows'][number] }) {
  const { createdAt, operation, totalTokens, cost } = row
  const moment = formatMoment(createdAt)
  return (
    <tr>
      <th scope="row">{operation ? <a href={hrefOf(['operations', operation.id])}>{moment}</a> : moment}</th>
      <td>{operation?.createdBy.name}</td>
      <td>{operation && `${operation.metadata.provider}/${operation.metadata.model}`}</td>
      <td>
        <code>{operation?.error?.reason}</code>
      </td>
      <td>{formatCount(totalTokens)}</td>
      <td>{formatMoney(cost)}</td>
    </tr>
  )
}
