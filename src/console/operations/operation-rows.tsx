import { useQuery } from 'urql'
import { Button } from '../controls/button.tsx'
import { formatMoment, formatMoney } from '../controls/format.ts'
import { FailureNotice } from '../controls/notice.tsx'
import { Picture } from '../controls/picture.tsx'
import { StatusBadge } from '../controls/status-badge.tsx'
import {
  type OperationFilter,
  type OperationKind,
  OperationListDocument,
  type OperationListQuery,
  type OperationStatus,
} from '../generated/graphql.ts'
import { failureOf } from '../graphql/failure.ts'
import { usePolling } from '../graphql/use-polling.ts'
import { hrefOf } from '../routing/location.ts'
import { useViewer } from '../session/viewer-context.ts'
import type { FilterValues } from './filter-values.ts'
import { kindLabels, titleOf } from './operation-text.ts'

type Row = OperationListQuery['operations']['edges'][number]['node']

interface OperationRowsProps {
  values: FilterValues
  after: string | null
  onMore: ((cursor: string) => void) | null
}

const pageSize = 20
const busyMs = 1_500
const idleMs = 5_000

export function OperationRows({ values, after, onMore }: OperationRowsProps) {
  const [{ data, error }, ask] = useQuery({
    query: OperationListDocument,
    variables: { first: pageSize, after, filter: filterOf(values) },
    requestPolicy: 'cache-and-network',
  })
  const rows = data?.operations.edges.map(({ node }) => node) ?? []
  const isBusy = rows.some(({ done }) => !done)
  usePolling(() => ask({ requestPolicy: 'network-only' }), after === null ? (isBusy ? busyMs : idleMs) : null)
  const { hasNextPage, endCursor } = data?.operations.pageInfo ?? {}
  return (
    <>
      {error && (
        <li>
          <FailureNotice failure={failureOf(error)} />
        </li>
      )}
      {data && rows.length === 0 && after === null && <li className="empty muted">Nothing here yet.</li>}
      {rows.map((operation) => (
        <OperationRow key={operation.id} operation={operation} />
      ))}
      {onMore && hasNextPage && endCursor && (
        <li className="more">
          <Button onPress={() => onMore(endCursor)}>Older ones</Button>
        </li>
      )}
    </>
  )
}

function OperationRow({ operation }: { operation: Row }) {
  const { id, kind, status, metadata, createdAt, createdBy, error, response } = operation
  const isAdmin = useViewer().role === 'ADMIN'
  const [first] = response?.data ?? []
  const cost = response?.usage?.cost
  return (
    <li>
      <a className="operation-row" href={hrefOf(['operations', id])}>
        <span className="row-picture">{first && <Picture image={first} alt="" isThumbnail />}</span>
        <span className="row-title">{titleOf(operation)}</span>
        <span className="row-facts muted small">
          <span>{kindLabels[kind]}</span>
          <span>
            {metadata.provider}/{metadata.model}
          </span>
          {isAdmin && <span>{createdBy.name}</span>}
          <time dateTime={createdAt}>{formatMoment(createdAt)}</time>
          {error && <code>{error.reason}</code>}
        </span>
        <span className="row-end">
          <StatusBadge status={status} />
          {cost && <span className="muted small">{formatMoney(cost)}</span>}
        </span>
      </a>
    </li>
  )
}

function filterOf({ kind, status, model, user }: FilterValues): OperationFilter {
  return {
    ...(kind && { kind: [kind as OperationKind] }),
    ...(status && { status: [status as OperationStatus] }),
    ...(model && { model }),
    ...(user && { userId: user }),
  }
}
