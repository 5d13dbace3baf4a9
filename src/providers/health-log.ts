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
