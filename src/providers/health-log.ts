import type { ProviderFaultsOptions } from './provider-faults.ts'
import type { Health } from './provider-health.ts'

export interface HealthLogOptions {
  provider: string
  uptimeMs(): number
  log: { info(fields: object, message: string): void; warn(fields: object, message: string): void }
}

/** A line for each new state and each new pause. A wait that becomes longer is no news. */
export function createHealthLog({ provider, uptimeMs, log }: HealthLogOptions): (health: Health) => void {
  let told: Health['state'] = 'HEALTHY'
  return ({ state, untilMs, reason, failures }) => {
    const isLongerWait = state === 'WAITING' && told === 'WAITING'
    told = state
    if (isLongerWait) return
    if (untilMs === null) return log.info({ provider }, 'provider is called again')
    const forMs = Math.ceil(untilMs - uptimeMs())
    if (state === 'WAITING')
      return log.info({ provider, reason, forMs }, 'provider asked to be left alone: its calls wait')
    log.warn({ provider, failures, reason, forMs }, 'provider keeps failing: pausing its calls')
  }
}

/** A line for each fault that an operator has to mend, and for its end. */
export function createFaultLog({
  provider,
  log,
}: Pick<HealthLogOptions, 'provider' | 'log'>): ProviderFaultsOptions['onChange'] {
  return ({ reason, model }, change) => {
    if (change === 'GONE') return log.info({ provider, reason, model }, 'provider is without a fault again')
    log.warn({ provider, reason, model }, 'provider refuses its calls: others are asked first')
  }
}
