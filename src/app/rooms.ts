import { join } from 'node:path'
import { Registry } from 'prom-client'
import { v7 as newId } from 'uuid'
import { type Accounts, createAccounts } from '../accounts/accounts.ts'
import type { Database } from '../database/database.ts'
import { type OpenedImages, openImages } from '../images/open-images.ts'
import { createSharedSpool } from '../operations/keep/shared-spool.ts'
import { createOperations, type Operations } from '../operations/operations.ts'
import { createProviders, type Providers } from '../providers/providers.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'
import { createPseudonyms } from '../usage/end-user-pseudonym.ts'
import { createUsage, type Usage } from '../usage/usage.ts'
import type { AppOptions } from './app-options.ts'
import type { Closers } from './closers.ts'

export interface Rooms {
  database: Database
  images: OpenedImages
  providers: Providers
  usage: Usage
  accounts: Accounts
  operations: Operations
  metrics: Registry
}

/** What the rooms stand on. */
export interface Ground {
  database: Database
  sandbox: Sandbox | null
  urlSecrets: string[]
  onError: (error: Error) => void
}

const now = () => new Date()
const uptimeMs = () => performance.now()

/** Opens the rooms and joins them. Each that holds something is closed with the others. */
export async function openRooms(options: AppOptions, ground: Ground, closers: Closers): Promise<Rooms> {
  const { config, secrets, log } = options
  const { database, sandbox, urlSecrets } = ground
  const { prisma } = database
  const images = await openImages({
    prisma,
    place: config.storage,
    dataDir: config.dataDir,
    publicUrl: config.publicUrl,
    urlSecrets,
    limits: config.limits.images,
    now,
    newId,
    uptimeMs,
    log,
  })
  closers.push(() => images.close())
  const providers = createProviders({
    providers: secrets.providers ?? [{ name: 'sandbox', preset: 'sandbox', baseUrl: sandbox?.url }],
    defaults: config.defaults,
    limits: config.limits.providers,
    now,
    uptimeMs,
    random: Math.random,
    log,
  })
  closers.push(() => providers.close())
  const usage = createUsage({ prisma, money: config.money, now, newId, timeZone: config.timeZone })
  const accounts = await openAccounts(options, ground, usage)
  closers.push(() => accounts.close())
  const rooms = { database, images, providers, usage, accounts, metrics: new Registry() }
  return { ...rooms, operations: joinOperations(options, rooms, urlSecrets) }
}

function openAccounts(
  { config, secrets }: AppOptions,
  { database, urlSecrets, onError }: Ground,
  usage: Usage,
) {
  return createAccounts({
    prisma: database.prisma,
    notifications: database.notifications,
    auth: config.auth,
    adminKey: secrets.adminKey ?? undefined,
    rateLimits: config.limits.rates,
    countsWithOthers: database.kind === 'server',
    hashSecrets: urlSecrets,
    jwt: config.jwt ?? undefined,
    maxTokenKeyMs: config.limits.maxTokenKeySeconds * 1000,
    onNewUser: async (tx, userId) => {
      for (const budget of config.newUserBudgets)
        await usage.setBudget({ ...budget, userId, limit: BigInt(budget.limit) }, tx)
    },
    now,
    newId,
    onError,
  })
}

function joinOperations(
  { config, log, failpoint }: AppOptions,
  { database, images, providers, usage, metrics }: Omit<Rooms, 'operations'>,
  urlSecrets: readonly string[],
): Operations {
  return createOperations({
    database,
    metrics,
    providers,
    images: images.images,
    usage,
    spoolFolder: join(config.dataDir, 'spool'),
    ...(config.storage.kind === 's3' && { sharedSpool: createSharedSpool(images.storage) }),
    isStorageUp: images.canKeepPaid,
    pseudonym: createPseudonyms(urlSecrets),
    limits: {
      concurrency: config.limits.concurrentOperations,
      operationTimeoutMs: config.limits.operationTimeoutMs,
      idleTimeoutMs: config.limits.upstreamIdleTimeoutMs,
      leaseMs: config.limits.leaseMs,
      maxImageBytes: config.limits.providers.maxReplyBytes,
    },
    retention: config.retention,
    newId,
    now,
    uptimeMs,
    random: Math.random,
    log,
    failpoint,
  })
}
