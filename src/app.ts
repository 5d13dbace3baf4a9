import type { Server } from 'node:http'
import type { AppOptions } from './app/app-options.ts'
import { type Closers, closeAll } from './app/closers.ts'
import { openRooms } from './app/rooms.ts'
import { createServer } from './app/server.ts'
import { readSecretFile } from './config/secret-file.ts'
import type { Database } from './database/database.ts'
import { openDatabase } from './database/open-database.ts'
import { type Sandbox, startSandbox } from './sandbox/sandbox.ts'
import { welcome } from './server/welcome.ts'

export interface App {
  /** Answers in-process, without a socket. */
  fetch(request: Request): Promise<Response>
  server: Server
  /** What the person who started it is told: where things are, and one request to paste. */
  welcome: string
  /** Who may come in, in one line. */
  access: string
  /** Null when real providers are configured. */
  sandbox: Sandbox | null
  /** An embedded one can be reached from this process only. */
  database: Database
  /** Lets running requests and operations end, within the drain limit, and releases everything. */
  close(): Promise<void>
}

/** Builds the rooms and joins them. What was opened is closed again if a later part cannot start. */
export async function createApp(options: AppOptions): Promise<App> {
  const closers: Closers = []
  try {
    return await open(options, closers)
  } catch (error) {
    await closeAll(closers)
    throw error
  }
}

async function open(options: AppOptions, closers: Closers): Promise<App> {
  const { config, secrets, log } = options
  const onError = (error: Error) => log.error({ err: error }, 'a background task failed')
  const database = await openConfiguredDatabase(options, onError)
  closers.push(() => database.close())
  const urlSecrets = secrets.urlSecrets.length > 0 ? secrets.urlSecrets : [readSecretFile(config.dataDir)]
  const sandbox = secrets.providers ? null : await openSandbox(options)
  if (sandbox) closers.push(() => sandbox.close())

  const rooms = await openRooms(options, { database, sandbox, urlSecrets, onError }, closers)
  const { accounts, operations, images } = rooms
  await images.checkOwner()
  const gateway = await createServer(options, rooms)
  closers.push(() => operations.stop())
  await operations.start()
  if (config.jwt && config.newUserBudgets.length === 0) log.warn(unboundedMessage)
  const access = await accounts.describeAccess()
  return {
    fetch: (request) => gateway.fetch(request),
    server: gateway.server,
    welcome: welcome({
      publicUrl: config.publicUrl,
      sandbox: sandbox !== null,
      authenticated: config.auth === 'on',
      access,
    }),
    access,
    sandbox,
    database,
    close: async () => {
      // Until the balancers have noticed, requests and operations go on as if nothing were.
      await gateway.announceDrain()
      await options.failpoint?.('announced')
      await Promise.all([gateway.drain(), operations.drain(config.limits.drainTimeoutMs)])
      await closeAll(closers)
    },
  }
}

const unboundedMessage =
  'whoever brings a token of the issuer for the first time may spend without a limit: set defaults.budget'

function openConfiguredDatabase(
  { config, secrets, databaseTimeouts, log, onQuery }: AppOptions,
  onError: (error: Error) => void,
): Promise<Database> {
  const listeners = { onError, onNotice: (message: string) => log.warn(message), onQuery }
  if (!secrets.databaseUrl) return openDatabase({ ...listeners, kind: 'embedded', folder: config.dataDir })
  return openDatabase({
    ...listeners,
    kind: 'server',
    url: secrets.databaseUrl,
    poolSize: config.limits.databasePool,
    queuePoolSize: config.limits.queuePool,
    ...(databaseTimeouts && { timeouts: databaseTimeouts }),
  })
}

function openSandbox({ log, sandboxDelayMs }: AppOptions): Promise<Sandbox> {
  return startSandbox({
    onError: (error) => log.error({ err: error }, 'the sandbox failed'),
    ...(sandboxDelayMs !== undefined && { delayMs: sandboxDelayMs }),
  })
}
