import { pino } from 'pino'
import type { App } from '../../../src/app.ts'
import { createGraphqlClient, type GraphqlClient } from '../client/graphql-client.ts'
import { patientDatabase } from '../database/patient-database.ts'
import { createPostgresDatabase, isPostgresHere } from '../database/postgres-database.ts'
import { makePreparedFolder } from '../database/prepared-embedded.ts'
import { makeFolder, removeFolder } from '../temporary-folder.ts'
import type { GatewayOptions } from './gateway-options.ts'
import { openGateway } from './open-gateway.ts'

export interface TestGateway extends App, GraphqlClient {
  url: string
  folder: string
  /** Lines that were logged, parsed. */
  logged: Record<string, unknown>[]
  [Symbol.asyncDispose](): Promise<void>
}

export interface TestGatewayOptions extends GatewayOptions {
  sandboxDelayMs?: number
  onQuery?: (sql: string) => void
}

/**
 * A gateway in the process of its test, over a temporary folder and a database on the server of all test files, or an
 * embedded one with `databaseUrl: null` or where there is no server. A folder that it is given is left where it is, and the
 * first start in it makes the database.
 */
export async function startTestGateway(given: TestGatewayOptions = {}): Promise<TestGateway> {
  const options = await chooseDatabase(given)
  const folder = options.folder ?? (await makeFolderFor(options))
  const logged: Record<string, unknown>[] = []
  const log = pino({ level: 'debug' }, { write: (line: string) => logged.push(JSON.parse(line)) })
  const { sandboxDelayMs = 0, onQuery } = options
  const hooks = { log, sandboxDelayMs, ...(onQuery && { onQuery }) }
  const { app, url } = await openGateway({ ...options, folder }, hooks)
  return {
    ...app,
    ...createGraphqlClient(url),
    url,
    folder,
    logged,
    [Symbol.asyncDispose]: async () => {
      const closed = app.close()
      // The test's own kept connections bring nothing more, and would be waited for.
      app.server.closeIdleConnections()
      await closed
      if (!options.folder) await removeFolder(folder)
    },
  }
}

/** What a gateway is given that is started again: its folder, and its database where that is not in the folder. */
export type GatewayHome = Pick<GatewayOptions, 'folder' | 'databaseUrl'> & { folder: string }

/** Its folder is to be removed. */
export async function makeGatewayHome(): Promise<GatewayHome> {
  if (!isPostgresHere()) return { folder: await makePreparedFolder() }
  return { folder: await makeFolder(), databaseUrl: await createPostgresDatabase() }
}

async function chooseDatabase(given: TestGatewayOptions): Promise<TestGatewayOptions> {
  const isFree = !given.folder && given.databaseUrl === undefined && isPostgresHere()
  const options = isFree ? { ...given, databaseUrl: await createPostgresDatabase() } : given
  if (!options.databaseUrl) return options
  return {
    ...options,
    databaseTimeouts: { ...patientDatabase, ...options.databaseTimeouts },
    env: { EASEL_URL_SECRET: 'a-secret-of-every-process', ...options.env },
  }
}

const makeFolderFor = ({ databaseUrl }: TestGatewayOptions) =>
  databaseUrl ? makeFolder() : makePreparedFolder()
