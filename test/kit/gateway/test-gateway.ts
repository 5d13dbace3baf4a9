import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { type App, createApp } from '../../../src/app.ts'
import { parseConfig } from '../../../src/config/config.ts'
import { readEnv } from '../../../src/config/env.ts'
import { makePreparedFolder } from '../database/prepared-embedded.ts'
import { freePort } from '../network/free-port.ts'

export interface TestGateway extends App {
  url: string
  folder: string
  /** Lines that were logged, parsed. */
  logged: Record<string, unknown>[]
  /** Sends a document and gives the answer, errors and all. */
  graphql<Data = Record<string, never>>(
    query: string,
    variables?: object,
    headers?: HeadersInit,
  ): Promise<Answer<Data>>
  /** Sends files by the multipart request specification; `files` names where each belongs. */
  upload<Data = Record<string, never>>(
    query: string,
    variables: object,
    files: Record<string, Blob>,
    headers?: HeadersInit,
  ): Promise<Answer<Data>>
  [Symbol.asyncDispose](): Promise<void>
}

export interface Answer<Data> {
  data: Data
  errors?: { message: string; path?: string[]; extensions: Record<string, unknown> }[]
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
    url,
    folder,
    logged,
    graphql: async (query, variables = {}, headers = {}) => {
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ query, variables }),
      })
      return response.json()
    },
    upload: async (query, variables, files, headers = {}) => {
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers,
        body: multipart(query, variables, files),
      })
      return response.json()
    },
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

export function multipart(query: string, variables: object, files: Record<string, Blob>): FormData {
  const paths = Object.keys(files)
  const form = new FormData()
  form.set('operations', JSON.stringify({ query, variables }))
  form.set(
    'map',
    JSON.stringify(Object.fromEntries(paths.map((path, index) => [index, [`variables.${path}`]]))),
  )
  for (const [index, path] of paths.entries()) form.set(`${index}`, files[path] as Blob, `${path}.png`)
  return form
}
