import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Database } from '../../../src/database/database.ts'
import { openDatabase } from '../../../src/database/open-database.ts'
import { canaries } from '../checks/invariants.ts'
import { patientDatabase } from '../database/patient-database.ts'
import { hangMs } from '../limits.ts'
import type { DatabaseTimeouts, EntryOptions } from './gateway-entry.ts'
import type { GatewayProcess } from './gateway-process.ts'

const [apiKey = '', , urlSecret = ''] = canaries

export interface SceneOptions {
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

export function gatewayOptions(options: SceneOptions): EntryOptions {
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

export const makeFolder = () => mkdtemp(join(tmpdir(), 'easel-faults-'))
export const removeFolder = (folder: string) => rm(folder, { recursive: true, force: true })

/** Looks into a database that no gateway has open, or that a server shares. */
export async function lookInto<T>(
  where: { folder: string } | { url: string },
  look: (database: Database) => Promise<T>,
): Promise<T> {
  const onError = () => {}
  const database = await openDatabase(
    'url' in where
      ? { kind: 'server', url: where.url, poolSize: 4, queuePoolSize: 2, onError }
      : { kind: 'embedded', folder: where.folder, onError },
  )
  try {
    return await look(database)
  } finally {
    await database.close()
  }
}

export const generateDocument = `mutation ($input: GenerateImageInput!) {
  generateImage(input: $input) { id status done } }`

export interface OperationAnswer {
  id: string
  status: string
  done: boolean
  error: { reason: string; retryAfterMs: number | null } | null
  metadata: { stage: string; attempts: number }
  response: { data: { id: string; width: number }[]; usage: { totalTokens: number } } | null
}

/** Asks for the cheapest image. */
export function generate(
  gateway: Pick<GatewayProcess, 'graphql'>,
  input: { prompt: string } & Record<string, unknown>,
) {
  return gateway.graphql<{ generateImage: { id: string; status: string; done: boolean } }>(generateDocument, {
    input: { model: 'paid/gpt-image-2', size: '1024x1024', quality: 'LOW', ...input },
  })
}

export async function accepted(
  gateway: Pick<GatewayProcess, 'graphql'>,
  input: { prompt: string } & Record<string, unknown>,
): Promise<string> {
  const { data, errors } = await generate(gateway, input)
  if (errors) throw new Error(JSON.stringify(errors))
  return data.generateImage.id
}

const operationDocument = `query ($id: ID!) { operation(id: $id) { id status done
  metadata { stage attempts } error { reason retryAfterMs }
  response { data { id width } usage { totalTokens } } } }`

export async function readOperation(
  gateway: Pick<GatewayProcess, 'graphql'>,
  id: string,
): Promise<OperationAnswer> {
  const { data } = await gateway.graphql<{ operation: OperationAnswer }>(operationDocument, { id })
  return data.operation
}

/** Follows the operation to its end over an event stream, then reads it. */
export async function ended(
  gateway: Pick<GatewayProcess, 'graphql' | 'url'> & { headers?: Record<string, string> },
  id: string,
): Promise<OperationAnswer> {
  for (let tries = 0; tries < 3; tries++) {
    const response = await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...gateway.headers },
      body: JSON.stringify({
        query: 'subscription ($id: ID!) { operationStatus(operationId: $id) { sequence status } }',
        variables: { id },
      }),
      signal: AbortSignal.timeout(hangMs),
    })
    await response.text()
    const operation = await readOperation(gateway, id)
    if (operation.done) return operation
  }
  throw new Error('The events ended before the operation did')
}

/** The database's id behind a GraphQL one. */
export const rawId = (id: string) => Buffer.from(id, 'base64').toString('utf8').split(':')[1] ?? id
