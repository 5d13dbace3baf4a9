import { canaries } from '../checks/invariants.ts'
import { patientDatabase } from '../database/patient-database.ts'
import { hangMs } from '../limits.ts'
import type { GatewayOptions } from './gateway-options.ts'

const [apiKey = '', , urlSecret = ''] = canaries

export interface PaidGatewayOptions extends Omit<GatewayOptions, 'file'> {
  folder: string
  /** Where the paid provider listens. */
  providerUrl: string
  /** The names under which the gateway knows the provider: each has a pace and a pause of its own. */
  names?: readonly string[]
  /** Further lines of the list of providers, which may be followed by anything else of the configuration file. */
  more?: string
}

/**
 * A lease that only a stop of seconds lets pass, so that no owner is taken for dead because the machine is busy, and
 * deadlines that no operation comes to unless its case is about one.
 */
const unhurried = { leaseMs: 8_000, operationTimeoutMs: hangMs, drainTimeoutMs: hangMs }

/** A gateway that knows one provider, and what no log may show. */
export function paidGatewayOptions(options: PaidGatewayOptions): GatewayOptions & { folder: string } {
  const { providerUrl, names = ['paid'], more = '', ...others } = options
  const entries = names.map(
    (name) =>
      `  - { name: ${name}, preset: openai, apiKey: ${apiKey}, baseUrl: "${providerUrl}/v1", models: [gpt-image-2] }`,
  )
  return {
    ...others,
    env: { EASEL_URL_SECRET: urlSecret, ...options.env },
    file: `
providers:
${entries.join('\n')}
${more}`,
    limits: { ...unhurried, ...options.limits },
    retention: { spoolMs: 0, ...options.retention },
    databaseTimeouts: { ...patientDatabase, ...options.databaseTimeouts },
  }
}
