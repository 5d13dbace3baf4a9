import { canaries } from '../checks/invariants.ts'
import { patientDatabase } from '../database/patient-database.ts'
import { hangMs } from '../limits.ts'
import type { DatabaseTimeouts, EntryOptions } from './gateway-entry.ts'

const [apiKey = '', , urlSecret = ''] = canaries

export interface PaidGatewayOptions {
  /** Where the paid provider listens. */
  providerUrl: string
  folder: string
  /** A PostgreSQL server; without it the folder holds the database. */
  databaseUrl?: string | undefined
  limits?: Record<string, number>
  retention?: Record<string, number>
  databaseTimeouts?: DatabaseTimeouts
  env?: Record<string, string>
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

export function paidGatewayOptions(options: PaidGatewayOptions): EntryOptions {
  const { providerUrl, folder, databaseUrl, limits, retention, env, names = ['paid'], more = '' } = options
  const { databaseTimeouts } = options
  const entries = names.map(
    (name) =>
      `  - { name: ${name}, preset: openai, apiKey: ${apiKey}, baseUrl: "${providerUrl}/v1", models: [gpt-image-2] }`,
  )
  return {
    env: {
      EASEL_DATA_DIR: folder,
      PORT: '0',
      EASEL_URL_SECRET: urlSecret,
      ...(databaseUrl && { DATABASE_URL: databaseUrl }),
      ...env,
    },
    file: `
providers:
${entries.join('\n')}
${more}`,
    limits: { ...unhurried, ...limits },
    retention: { spoolMs: 0, ...retention },
    databaseTimeouts: { ...patientDatabase, ...databaseTimeouts },
  }
}
