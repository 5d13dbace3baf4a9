import type { ProviderReason } from '../reasons/reasons.ts'
import type { Provider } from './provider.ts'
import type { Fault } from './provider-faults.ts'
import type { Health } from './provider-health.ts'

/** How a provider is doing, for the operator. */
export interface ProviderStatus {
  name: string
  /** FAULTY: it refuses for its key, its credit or a model, which only the operator can mend. */
  state: Health['state'] | 'FAULTY'
  /** Why it is not healthy. */
  reason: ProviderReason | null
  /** Failures in a row. */
  failures: number
  since: Date
  /** No call starts before. Null where calls may start. */
  until: Date | null
  faults: { reason: ProviderReason; model: string | null; since: Date }[]
}

interface Clocks {
  now(): Date
  uptimeMs(): number
}

export function describeProvider(
  name: string,
  { health, faults }: Pick<Provider, 'health' | 'faults'>,
  { now, uptimeMs }: Clocks,
): ProviderStatus {
  const toDate = (ms: number) => new Date(now().getTime() - uptimeMs() + ms)
  const { failures, ...held } = health.describe()
  const found = faults.list()
  const worst = found.find(({ model }) => model === null) ?? found[0]
  const { state, reason, sinceMs } = held.state === 'HEALTHY' && worst ? toHealth(worst) : held
  return {
    name,
    state,
    reason,
    failures,
    since: toDate(sinceMs),
    until: held.untilMs === null ? null : toDate(held.untilMs),
    faults: found.map((fault) => ({
      reason: fault.reason,
      model: fault.model,
      since: toDate(fault.sinceMs),
    })),
  }
}

function toHealth({ reason, sinceMs }: Fault) {
  return { state: 'FAULTY' as const, reason, sinceMs }
}
