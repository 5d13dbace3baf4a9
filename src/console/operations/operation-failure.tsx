import { Notice } from '../controls/notice.tsx'
import type { FailurePartsFragment } from '../generated/graphql.ts'
import { adviceFor } from './failure-advice.ts'

export function OperationFailure({ error, title }: { error: FailurePartsFragment; title?: string }) {
  const { reason, message, retryable, retryAfterMs, status } = error
  return (
    <Notice tone={reason === 'CANCELLED' ? 'info' : 'error'} title={title ?? message}>
      {title && <p>{message}</p>}
      <p>{adviceFor(reason, retryable)}</p>
      <p className="facts">
        <code>{reason}</code>
        <span className="muted">{status}</span>
        {retryAfterMs !== null && <span>Again in {Math.ceil(retryAfterMs / 1000)} s</span>}
      </p>
    </Notice>
  )
}
