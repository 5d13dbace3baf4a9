import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { v7 as newId } from 'uuid'
import { type Config, ConfigError } from '../config/config.ts'
import type { Limits } from '../config/limits.ts'
import { createContextFactory } from '../schema/create-context.ts'
import { paidMutations, schema } from '../schema/index.ts'
import { createGatewayServer, type GatewayServer } from '../server/gateway-server.ts'
import {
  type DocumentList,
  readDocumentList,
  type TrustedDocuments,
} from '../server/graphql/trusted-documents.ts'
import { createServeConsole } from '../server/http/console-files.ts'
import { createUsageCsvRoute } from '../server/http/usage-csv-route.ts'
import type { ServerLimits } from '../server/server-limits.ts'
import type { AppOptions } from './app-options.ts'
import type { Rooms } from './rooms.ts'

/** Where `npm run console:build` puts the console. */
const consoleFolder = join(import.meta.dirname, '../../dist/console')

/** Joins the HTTP edge with the rooms that answer behind it. It does not listen yet. */
export async function createServer({ config, log }: AppOptions, rooms: Rooms): Promise<GatewayServer> {
  const { database, images: opened, providers, usage, accounts, operations, metrics } = rooms
  const { images } = opened
  const { prisma } = database
  const { maxBreadth, maxComplexity } = config.limits.documents
  const serveConsole = await createServeConsole({ folder: consoleFolder, publicUrl: config.publicUrl })
  return createGatewayServer({
    schema,
    authenticate: accounts.authenticate,
    admitViewer: accounts.admit,
    trustedProxies: config.trustedProxies,
    authenticationRequired: config.auth === 'on',
    onRevoked: accounts.onRevoked,
    createContext: createContextFactory({
      prisma,
      operations,
      images,
      providers,
      usage,
      accounts,
      mostWork: { breadth: maxBreadth, complexity: maxComplexity },
      now: () => new Date(),
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
      'the storage of the images': opened.canKeepProbed,
    },
    metricsAccess: config.metrics,
    graphiql: config.graphiql,
    introspection: config.introspection,
    trustedDocuments: await openTrustedDocuments(config, serveConsole !== null),
    limits: toServerLimits(config.limits),
    publicUrl: config.publicUrl,
    metrics,
    log,
    newId,
  })
}

/** The console's own documents are trusted wherever it is served. */
async function openTrustedDocuments(
  { trustedDocuments: given }: Config,
  hasConsole: boolean,
): Promise<TrustedDocuments | null> {
  if (!given) return null
  const files = [given.file, ...(hasConsole ? [join(consoleFolder, 'persisted-documents.json')] : [])]
  const lists = await Promise.all(files.map(openDocumentList))
  return {
    list: new Map(lists.flatMap((list) => [...list])),
    mode: given.mode,
    registeredMutations: given.paidMutations === 'registered' ? paidMutations : [],
  }
}

async function openDocumentList(file: string): Promise<DocumentList> {
  try {
    return readDocumentList(await readFile(file, 'utf8'))
  } catch (error) {
    throw new ConfigError([`the trusted documents in ${file} cannot be read: ${(error as Error).message}`])
  }
}

function toServerLimits({ requests, rates, documents, streams, ...limits }: Limits): ServerLimits {
  const { maxUploadBytes, maxRequestBytes, streamsPerUser, drainDelayMs, drainTimeoutMs } = limits
  return {
    ...requests,
    ...documents,
    ...streams,
    addressRequestsPerMinute: rates.addressRequestsPerMinute,
    maxUploadBytes,
    maxRequestBytes,
    maxStreamsPerViewer: streamsPerUser,
    drainDelayMs,
    drainTimeoutMs,
  }
}
