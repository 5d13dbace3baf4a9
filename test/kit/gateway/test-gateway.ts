import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { type App, createApp } from '../../../src/app.ts'
import { parseConfig } from '../../../src/config/config.ts'
import { readEnv } from '../../../src/config/env.ts'
import { createGraphqlClient, type GraphqlClient } from '../client/graphql-client.ts'
import { makePreparedFolder } from '../database/prepared-embedded.ts'
import { freePort } from '../network/free-port.ts'

export interface TestGateway extends App, GraphqlClient {
  url: string
  folder: string
  /** Lines that were logged, parsed. */
  logged: Record<string, unknown>[]
  [Symbol.asyncDispose](): Promise<void>
}

export interface TestGatewayOptions {
  env?: Record<string, string>
  /** The text of the configuration file. */
  file?: string
  /** A folder to use again; it is then left where it is, and a first start in it makes the database. */
  folder?: string
  sandboxDelayMs?: number
  onQuery?: (sql: string) => void
}

/** The whole real gateway on a free port, over a temporary folder. */
export async function startTestGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const folder = options.folder ?? (await makeFolder(options))
  const port = await freePort()
  const env = { PORT: `${port}`, EASEL_DATA_DIR: folder, EASEL_CONFIG: 'easel.yaml', ...options.env }
  const { config, secrets } = parseConfig(readEnv(env), options.file ?? null)
  const logged: Record<string, unknown>[] = []
  const log = pino({ level: 'debug' }, { write: (line: string) => logged.push(JSON.parse(line)) })
  const { sandboxDelayMs = 0, onQuery } = options
  const app = await createApp({ config, secrets, log, sandboxDelayMs, ...(onQuery && { onQuery }) })
  app.server.listen(config.port, config.host)
  await once(app.server, 'listening')
  const url = config.publicUrl
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
      if (!options.folder) await rm(folder, { recursive: true, force: true })
    },
  }
}

const makeFolder = ({ env }: TestGatewayOptions) =>
  env?.DATABASE_URL ? mkdtemp(join(tmpdir(), 'easel-gateway-')) : makePreparedFolder()
