import type { ReactNode } from 'react'
import type { Failure } from '../graphql/failure.ts'
import { formatTime } from './format.ts'
import { adviceOnRate } from './rate-advice.ts'

type Tone = 'info' | 'warning' | 'error'

export function Notice({ tone, title, children }: { tone: Tone; title: string; children?: ReactNode }) {
  return (
    <div className="notice" data-tone={tone} role={tone === 'error' ? 'alert' : 'status'}>
      <strong>{title}</strong>
      {children && <div>{children}</div>}
    </div>
  )
}

export function FailureNotice({ failure }: { failure: Failure }) {
  const { code, reason, message, hint, retryAt, requestId } = failure
  const advice = adviceOnRate(failure)
  return (
    <Notice tone="error" title={advice ?? message}>
      <p className="facts">
        <code>{reason ?? code}</code>
        {hint && <span>Try: {hint.replaceAll('_', ' ').toLowerCase()}</span>}
        {retryAt !== null && advice === null && <span>Again at {formatTime(retryAt)}</span>}
        {requestId && <span className="muted">Request {requestId}</span>}
      </p>
    </Notice>
  )
}
