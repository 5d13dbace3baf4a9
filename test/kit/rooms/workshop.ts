import { join } from 'node:path'
import { pino } from 'pino'
import type { Registry } from 'prom-client'
import { v7 as newId } from 'uuid'
import { emptyInput } from '../../../src/catalogue/operation-input.ts'
import type { Database, PrismaClient } from '../../../src/database/database.ts'
import { createFileStorage } from '../../../src/images/file-storage.ts'
import { createImages, type Images } from '../../../src/images/images.ts'
import type { Storage } from '../../../src/images/storage.ts'
import type { SubmitRequest } from '../../../src/operations/accept/submit-request.ts'
import type { Failpoint } from '../../../src/operations/failpoint.ts'
import { createOperations, type Operations } from '../../../src/operations/operations.ts'
import { createProviders } from '../../../src/providers/providers.ts'
import { createUsage } from '../../../src/usage/usage.ts'
import { defaultLimits } from './default-limits.ts'

const hourMs = 3_600_000
const lives = {
  partialImagesMs: hourMs,
  failedSourcesMs: hourMs,
  resultsMs: hourMs,
  operationsMs: hourMs,
  spoolMs: 0,
  tempMs: hourMs,
  quarantineMs: hourMs,
}

const limits = {
  concurrency: 4,
  operationTimeoutMs: 20_000,
  idleTimeoutMs: 10_000,
  leaseMs: 2_000,
  maxImageBytes: 50_000_000,
}

export interface WorkshopOptions {
  database: Database
  providerUrl: string
  folder: string
  /** In place of the folder's own. */
  storage?: Storage
  failpoint?: Failpoint
  now?: () => Date
  uptimeMs?: () => number
  metrics?: Registry
  /** When the provider is paused, in place of the usual. */
  breaker?: { maxFailures: number; pauseMs: number }
  limits?: Partial<typeof limits>
  retention?: Partial<typeof lives>
}

/** The rooms around the life of an operation, without an HTTP edge: time and gaps are the test's. */
export interface Workshop {
  operations: Operations
  images: Images
  prisma: PrismaClient
  output: string[]
  userId: string
  submit(prompt: string, more?: Partial<SubmitRequest>): ReturnType<Operations['submit']>
  read(id: string): Promise<{ status: string; stage: string; error: unknown; finishedAt: Date | null }>
  close(): Promise<void>
}

export async function openWorkshop(options: WorkshopOptions): Promise<Workshop> {
  const { database, providerUrl, folder, failpoint } = options
  const { now = () => new Date(), uptimeMs = () => performance.now() } = options
  const { prisma } = database
  const output: string[] = []
  const log = pino({ level: 'debug' }, { write: (line: string) => void output.push(line) })
  const providers = createProviders({
    providers: [
      {
        name: 'paid',
        preset: 'openai',
        apiKey: 'sk-workshop',
        baseUrl: `${providerUrl}/v1`,
        models: ['gpt-image-2'],
      },
    ],
    defaults: {},
    limits: { ...defaultLimits.providers, ...(options.breaker && { breaker: options.breaker }) },
    now: () => new Date(),
    uptimeMs,
    random: Math.random,
    log,
  })
  const images = createImages({
    prisma,
    storage: options.storage ?? createFileStorage({ folder: join(folder, 'images'), newId }),
    stagingDir: join(folder, 'staging'),
    cacheDir: join(folder, 'cache'),
    publicUrl: 'http://127.0.0.1',
    signingKeys: [{ id: 'k', secret: 'a-secret-of-the-workshop' }],
    limits: defaultLimits.images,
    now,
    newId,
  })
  const operations = createOperations({
    database,
    providers,
    images,
    usage: createUsage({ prisma, now, newId }),
    spoolFolder: join(folder, 'spool'),
    isStorageUp: async () => true,
    pseudonym: (_, endUser) => endUser,
    limits: { ...limits, ...options.limits },
    retention: { ...lives, ...options.retention },
    newId,
    now,
    uptimeMs,
    random: Math.random,
    log,
    failpoint,
    metrics: options.metrics,
  })
  const userId = await findUser(prisma)
  await operations.start()
  return {
    operations,
    images,
    prisma,
    output,
    userId,
    submit: (prompt, more = {}) =>
      operations.submit({
        kind: 'GENERATE',
        userId,
        sources: [],
        requestId: null,
        mostUnfinished: null,
        admit: () => {},
        input: { ...emptyInput, prompt, model: 'paid/gpt-image-2', size: '1024x1024', quality: 'LOW' },
        ...more,
      }),
    read: (id) => prisma.operation.findUniqueOrThrow({ where: { id } }),
    close: async () => {
      await operations.drain(0)
      await operations.stop()
      await providers.close()
    },
  }
}

async function findUser(prisma: PrismaClient): Promise<string> {
  const found = await prisma.user.findFirst()
  return found?.id ?? (await prisma.user.create({ data: { id: newId(), name: 'Ada' } })).id
}
