import type { OperationStatus } from '../generated/graphql.ts'

const labels: Record<OperationStatus, string> = {
  QUEUED: 'Queued',
  RUNNING: 'Running',
  SUCCEEDED: 'Succeeded',
  FAILED: 'Failed',
  CANCELLED: 'Cancelled',
}

export function StatusBadge({ status }: { status: OperationStatus }) {
  return (
    <span className="badge" data-status={status}>
      {labels[status]}
    </span>
  )
}
