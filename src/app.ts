import { createHash } from 'node:crypto'
import type { Server } from 'node:http'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { Registry } from 'prom-client'
import { v7 as newId } from 'uuid'
import { type Accounts, createAccounts } from './accounts/accounts.ts'
import type { Config, Secrets } from './config/config.ts'
import type { Limits } from './config/limits.ts'
import { readSecretFile } from './config/secret-file.ts'
import type { Database, DatabasePlace, DatabaseTimeouts } from './database/database.ts'
import { openDatabase } from './database/open-database.ts'
import { createFileStorage } from './images/file-storage.ts'
import { createImages, type Images } from './images/images.ts'
import { createS3Storage } from './images/s3-storage.ts'
import type { Storage } from './images/storage.ts'
import { isForeignStorage } from './images/storage-owner.ts'
import { type WatchedStorage, watchStorage } from './images/watched-storage.ts'
import type { Failpoint } from './operations/failpoint.ts'
import { createSharedSpool } from './operations/keep/shared-spool.ts'
import { createOperations, type Operations } from './operations/operations.ts'
import { createProviders, type Providers } from './providers/providers.ts'
import { type Sandbox, startSandbox } from './sandbox/sandbox.ts'
import type { Context } from './schema/context.ts'
import { schema } from './schema/index.ts'
import { createLoaders } from './schema/loaders.ts'
import { createGatewayServer } from './server/gateway-server.ts'
import { createServeConsole } from './server/http/console-files.ts'
import { createUsageCsvRoute } from './server/http/usage-csv-route.ts'
import type { ServerLimits } from './server/server-limits.ts'
import { welcome } from './server/welcome.ts'
import { endUserPseudonym } from './usage/end-user-pseudonym.ts'
import { createUsage, type Usage } from './usage/usage.ts'

export interface App {
  /** Answers in-process, without a socket. */
  fetch(request: Request): Promise<Response>
  server: Server
  /** What to tell whoever started it: where things are, and one request to paste. */
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

export interface AppOptions {
  config: Config
  secrets: Secrets
  log: Logger
  /** How long the sandbox takes over each image. */
  sandboxDelayMs?: number
  /** Hears of every statement that goes to the database, without its values. */
  onQuery?: (sql: string) => void
  /** Shorter than what a configuration may ask for. */
  databaseTimeouts?: Partial<DatabaseTimeouts>
  /** For tests: called in the gaps between the commits of an operation's life. */
  failpoint?: Failpoint
}

interface Rooms {
  database: Database
  images: Images
  providers: Providers
  usage: Usage
  accounts: Accounts
  operations: Operations
  metrics: Registry
}

const now = () => new Date()
const uptimeMs = () => performance.now()

/** How old an answer of the storage may be: an image costs far more than a look, and probes come all the time. */
const storageAges = { paidMs: 1_000, probedMs: 5_000 }

/** How long the start waits for the storage of images to say whose it is. */
const storagePatienceMs = 10_000

/** Where `npm run console:build` puts the console. */
const consoleFolder = join(import.meta.dirname, '../dist/console')

/** Builds the rooms and joins them. What was opened is closed again if a later part cannot start. */
export async function createApp(options: AppOptions): Promise<App> {
  const opened: (() => Promise<unknown>)[] = []
  const closeAll = async () => {
    for (const close of opened.reverse()) await close()
  }
  try {
    return await open(options, opened)
  } catch (error) {
    await closeAll()
    throw error
  }
}

async function open(options: AppOptions, opened: (() => Promise<unknown>)[]): Promise<App> {
  const { config, secrets, log, onQuery } = options
  const onError = (error: Error) => log.error({ err: error }, 'a background task failed')
  const database = await openDatabase({
    ...toDatabasePlace(options),
    onError,
    onNotice: (message) => log.warn(message),
    onQuery,
  })
  opened.push(() => database.close())
  const urlSecrets = secrets.urlSecrets.length > 0 ? secrets.urlSecrets : [readSecretFile(config.dataDir)]
  const sandbox = secrets.providers ? null : await openSandbox(options)
  if (sandbox) opened.push(() => sandbox.close())

  const watched = await openStorage(config, log)
  opened.push(async () => watched.storage.close?.())
  const rooms = await openRooms(options, { database, sandbox, watched, urlSecrets, onError })
  opened.push(
    () => rooms.providers.close(),
    () => rooms.accounts.close(),
  )
  await confirmStorageOwner(rooms.images, log)
  const gateway = await createServer(options, rooms, watched)
  opened.push(() => rooms.operations.stop())
  await rooms.operations.start()
  const access = await rooms.accounts.describeAccess()
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
      await Promise.all([gateway.drain(), rooms.operations.drain(config.limits.drainTimeoutMs)])
      for (const close of opened.reverse()) await close()
    },
  }
}

function toDatabasePlace({ config, secrets, databaseTimeouts }: AppOptions): DatabasePlace {
  if (!secrets.databaseUrl) return { kind: 'embedded', folder: config.dataDir }
  return {
    kind: 'server',
    url: secrets.databaseUrl,
    poolSize: config.limits.databasePool,
    queuePoolSize: config.limits.queuePool,
    ...(databaseTimeouts && { timeouts: databaseTimeouts }),
  }
}

function openSandbox({ log, sandboxDelayMs }: AppOptions): Promise<Sandbox> {
  return startSandbox({
    onError: (error) => log.error({ err: error }, 'the sandbox failed'),
    ...(sandboxDelayMs !== undefined && { delayMs: sandboxDelayMs }),
  })
}

type ClosableStorage = Storage & { close?(): void }

async function openStorage(
  { storage, dataDir }: Config,
  log: Logger,
): Promise<WatchedStorage<ClosableStorage>> {
  const watching = { folder: stagingFolder(dataDir), newId, uptimeMs, log }
  if (storage.kind === 'files') {
    const files = createFileStorage({ folder: join(dataDir, 'images'), newId })
    return watchStorage({ storage: files, probe: 'write', ...watching })
  }
  const { bucket, prefix, region, endpoint } = storage
  const s3 = await createS3Storage({
    bucket,
    prefix,
    region: region ?? 'us-east-1',
    endpoint: endpoint ?? undefined,
  })
  return watchStorage<ClosableStorage>({ storage: s3, probe: 'look', ...watching })
}

const stagingFolder = (dataDir: string) => join(dataDir, 'staging')

/** Nothing is paid for as long as images could not be kept: the storage is away, or was not yet asked whose it is. */
async function canKeepImages(
  images: Images,
  watched: WatchedStorage<Storage>,
  ageMs: number,
): Promise<boolean> {
  if (!(await watched.isUp(ageMs))) return false
  return images.confirmOwner().then(
    () => true,
    () => false,
  )
}

/** A storage that cannot be asked now does not end the start: it is asked again before an image is kept or swept. */
async function confirmStorageOwner(images: Images, log: Logger): Promise<void> {
  try {
    const owner = await images.confirmOwner(AbortSignal.timeout(storagePatienceMs))
    if (owner === 'ANOTHER')
      log.warn('the folder of images has some of another database: nothing is swept there')
  } catch (error) {
    if (isForeignStorage(error)) throw error
    log.warn({ err: error }, 'the storage of images cannot be reached: whose it is was not checked')
  }
}

interface Opened {
  database: Database
  sandbox: Sandbox | null
  watched: WatchedStorage<Storage>
  urlSecrets: string[]
  onError: (error: Error) => void
}

async function openRooms({ config, secrets, log, failpoint }: AppOptions, opened: Opened): Promise<Rooms> {
  const { database, sandbox, watched, urlSecrets, onError } = opened
  const metrics = new Registry()
  const { prisma, notifications } = database
  // The oldest one, so that providers know an end user by the same name for as long as a change of secrets lasts.
  const pseudonymSecret = urlSecrets.at(-1) ?? ''
  const images = createImages({
    prisma,
    storage: watched.storage,
    isPrivate: config.storage.kind === 'files',
    stagingDir: stagingFolder(config.dataDir),
    cacheDir: join(config.dataDir, 'cache'),
    publicUrl: config.publicUrl,
    signingKeys: toSigningKeys(urlSecrets),
    limits: config.limits.images,
    now,
    newId,
  })
  const providers = createProviders({
    providers: secrets.providers ?? [{ name: 'sandbox', preset: 'sandbox', baseUrl: sandbox?.url }],
    defaults: config.defaults,
    limits: config.limits.providers,
    now,
    uptimeMs,
    random: Math.random,
    log,
  })
  const usage = createUsage({ prisma, now, newId })
  const accounts = await createAccounts({
    prisma,
    notifications,
    auth: config.auth,
    adminKey: secrets.adminKey ?? undefined,
    hashSecrets: urlSecrets,
    jwt: config.jwt ?? undefined,
    now,
    newId,
    onError,
  })
  const operations = createOperations({
    database,
    metrics,
    providers,
    images,
    usage,
    spoolFolder: join(config.dataDir, 'spool'),
    ...(config.storage.kind === 's3' && { sharedSpool: createSharedSpool(watched.storage) }),
    isStorageUp: () => canKeepImages(images, watched, storageAges.paidMs),
    pseudonym: (userId, endUser) => endUserPseudonym(pseudonymSecret, userId, endUser),
    limits: {
      concurrency: config.limits.concurrentOperations,
      operationTimeoutMs: config.limits.operationTimeoutMs,
      idleTimeoutMs: config.limits.upstreamIdleTimeoutMs,
      leaseMs: config.limits.leaseMs,
      maxImageBytes: config.limits.maxUploadBytes,
    },
    retention: config.retention,
    newId,
    now,
    uptimeMs,
    random: Math.random,
    log,
    failpoint,
  })
  return { database, images, providers, usage, accounts, operations, metrics }
}

async function createServer({ config, log }: AppOptions, rooms: Rooms, watched: WatchedStorage<Storage>) {
  const { database, images, providers, usage, accounts, operations, metrics } = rooms
  const { prisma } = database
  const { documents } = config.limits
  const serveConsole = await createServeConsole({ folder: consoleFolder, publicUrl: config.publicUrl })
  return createGatewayServer({
    schema,
    authenticate: accounts.authenticate,
    authenticationRequired: config.auth === 'on',
    onRevoked: accounts.onRevoked,
    createContext: ({ viewer, idempotencyKey, signal }): Context => ({
      viewer,
      idempotencyKey,
      signal,
      prisma,
      operations,
      images,
      providers,
      usage,
      accounts,
      loaders: createLoaders({ prisma, usage, viewer }),
      mostWork: { breadth: documents.maxBreadth, complexity: documents.maxComplexity },
      now,
    }),
    // A camera's provenance may say where it was taken, so an upload does not keep it.
    stage: (source, options) => images.stage(source, { ...options, keepProvenance: false }),
    serveImage: images.serve,
    ...(serveConsole && { serveConsole }),
    allowedOrigins: config.allowedOrigins,
    routes: [createUsageCsvRoute(usage.streamCsvFor)],
    readiness: {
      'the database': () => prisma.$queryRaw`SELECT 1`,
      'the queue of operations': async () => operations.isOpen(),
      'the storage of the images': () => canKeepImages(images, watched, storageAges.probedMs),
    },
    graphiql: !config.production,
    introspection: true,
    limits: toServerLimits(config.limits),
    publicUrl: config.publicUrl,
    metrics,
    log,
    newId,
  })
}

function toServerLimits({ requests, documents, streams, ...limits }: Limits): ServerLimits {
  const { maxUploadBytes, maxRequestBytes, streamsPerUser, drainDelayMs, drainTimeoutMs } = limits
  return {
    ...requests,
    ...documents,
    ...streams,
    maxUploadBytes,
    maxRequestBytes,
    maxStreamsPerViewer: streamsPerUser,
    drainDelayMs,
    drainTimeoutMs,
  }
}

const keyId = (secret: string) => createHash('sha256').update(secret).digest('hex').slice(0, 8)

/** A key's id says which secret signed, so that secrets can change without breaking addresses that are out. */
function toSigningKeys(
  secrets: string[],
): [{ id: string; secret: string }, ...{ id: string; secret: string }[]] {
  const keys = secrets.map((secret) => ({ id: keyId(secret), secret }))
  const [first, ...others] = keys
  if (!first) throw new Error('Addresses need a secret to be signed with')
  return [first, ...others]
}
