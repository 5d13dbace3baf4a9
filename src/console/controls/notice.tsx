import type { ReactNode } from 'react'
import type { Failure } from '../graphql/failure.ts'

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
  const { code, reason, message, hint, retryAfterMs, requestId } = failure
  return (
    <Notice tone="error" title={message}>
      <p className="facts">
        <code>{reason ?? code}</code>
        {hint && <span>Try: {hint.replaceAll('_', ' ').toLowerCase()}</span>}
        {retryAfterMs !== null && <span>Again in {Math.ceil(retryAfterMs / 1000)} s</span>}
        {requestId && <span className="muted">Request {requestId}</span>}
      </p>
    </Notice>
  )
}
