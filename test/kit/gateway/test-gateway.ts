import { pino } from 'pino'
import type { App } from '../../../src/app.ts'
import { createGraphqlClient, type GraphqlClient } from '../client/graphql-client.ts'
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
 * A gateway in the process of its test, over a temporary folder. A folder that it is given is left where it is, and the
 * first start in it makes the database.
 */
export async function startTestGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
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

const makeFolderFor = ({ databaseUrl }: TestGatewayOptions) =>
  databaseUrl ? makeFolder() : makePreparedFolder()
