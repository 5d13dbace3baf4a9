import {
  createProviders,
  type ProviderOptions,
  type Providers,
  type ProvidersOptions,
} from '../../../src/providers/providers.ts'
import { hangMs } from '../limits.ts'
import { defaultLimits } from './default-limits.ts'

export const today = new Date('2026-11-21T12:00:00Z')

export interface MoreOptions extends Partial<Omit<ProvidersOptions, 'limits'>> {
  limits?: Partial<ProvidersOptions['limits']>
}

/** The room of providers without pauses, on a day whose prices are known. */
export function openProviders(providers: ProviderOptions[], more: MoreOptions = {}): Providers {
  return createProviders({
    providers,
    defaults: {},
    now: () => today,
    uptimeMs: () => 0,
    random: () => 0,
    log: { info: () => {}, warn: () => {} },
    ...more,
    limits: {
      ...defaultLimits.providers,
      pollIntervalsMs: [1],
      connectTimeoutMs: hangMs,
      downloadPauseMs: 1,
      usageWaitMs: 1,
      ...more.limits,
    },
  })
}
