import type { Logger } from 'pino'
import { Counter, Histogram, type Registry } from 'prom-client'
import { ProviderFailure } from '../../providers/failure.ts'
import type { KeptFailure } from '../kept-failure.ts'

/** What is logged about a finished call of a provider. It never holds a prompt or a key. */
export interface EndedAttempt {
  operationId: string
  attemptId: string
  provider: string
  model: string
  httpStatus: number | null
  upstreamRequestId: string | null
  /** From the beginning of the call to the end of its reply; null where the call was another process's. */
  ms: number | null
  /** What ended it, or why it brought no image; null where it brought one. */
  error: unknown
  failure: KeptFailure | null
}

/** One line and one count for each attempt that ended. */
export type ReportAttempt = (attempt: EndedAttempt) => void

export interface AttemptReportOptions {
  log: Pick<Logger, 'info' | 'warn'>
  metrics?: Registry | null | undefined
}

export function createAttemptReport({ log, metrics }: AttemptReportOptions): ReportAttempt {
  const count = metrics ? createAttemptMetrics(metrics) : () => {}
  return (attempt) => {
    const { error, failure, ...known } = attempt
    const sorted = sort(error, failure)
    count(attempt, sorted)
    if (failure) log.warn({ ...known, ...sorted, cause: describeCause(error) }, 'an attempt failed')
    else log.info({ ...known, ...sorted }, 'an attempt succeeded')
  }
}

interface Sorted {
  /** The certainty of a failure, or ANSWERED for an attempt that brought images. */
  certainty: string
  reason: string | null
  upstreamCode: string | null
}

function sort(error: unknown, failure: KeptFailure | null): Sorted {
  if (!failure) return { certainty: 'ANSWERED', reason: null, upstreamCode: null }
  if (!(error instanceof ProviderFailure)) {
    return { certainty: error === null ? 'FAILED' : 'UNKNOWN', reason: failure.reason, upstreamCode: null }
  }
  const { certainty, reason, upstreamCode } = error
  return { certainty, reason, upstreamCode }
}

function createAttemptMetrics(registry: Registry) {
  const registers = [registry]
  const attempts = new Counter({
    name: 'easel_attempts_total',
    help: 'Calls of providers that ended',
    labelNames: ['provider', 'model', 'certainty', 'reason'],
    registers,
  })
  const duration = new Histogram({
    name: 'easel_attempt_duration_seconds',
    help: 'From the beginning of a call of a provider to the end of its reply',
    labelNames: ['provider', 'model'],
    buckets: [0.1, 0.5, 1, 2, 5, 10, 20, 40, 80, 160, 320],
    registers,
  })
  return ({ provider, model, ms }: EndedAttempt, { certainty, reason }: Sorted): void => {
    attempts.inc({ provider, model, certainty, reason: reason ?? '' })
    if (ms !== null) duration.observe({ provider, model }, ms / 1_000)
  }
}

/** How many causes deep: a failure wraps the client's error, which wraps the system's. */
const maxDepth = 5

/**
 * The causes of an error by their codes and names alone: `TypeError: ECONNREFUSED 127.0.0.1:9`. Their messages are left
 * out, since they may quote a prompt or a key.
 */
export function describeCause(error: unknown): string | null {
  const said: string[] = []
  for (let at = error, depth = 0; at instanceof Error && depth < maxDepth; at = at.cause, depth++) {
    if (!(at instanceof ProviderFailure)) said.push(describeError(at))
  }
  return said.length > 0 ? said.join(': ') : null
}

function describeError(error: Error & { code?: unknown; address?: unknown; port?: unknown }): string {
  const { name, code, address, port } = error
  const where = typeof address === 'string' ? ` ${address}${port ? `:${port}` : ''}` : ''
  return typeof code === 'string' ? `${code}${where}` : name
}
