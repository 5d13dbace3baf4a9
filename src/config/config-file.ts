import { z } from 'zod'
import { providerEntries } from '../providers/provider-options.ts'

const positive = z.number().int().positive()

export const limitDefaults = {
  /** One uploaded file: upstreams take less than 50 MB. */
  maxUploadBytes: 50 * 1024 * 1024,
  /** One request with all its files. */
  maxRequestBytes: 1024 * 1024 * 1024,
  /** Operations that this process runs at once. */
  concurrentOperations: 8,
  /** From acceptance to the end of an operation. */
  operationTimeoutMs: 15 * 60 * 1000,
  /** How long a provider may be silent within a reply; a complex image takes up to two minutes. */
  upstreamIdleTimeoutMs: 5 * 60 * 1000,
  /** How long a process may be silent before others take its operations for left; half as long again, and they go on. */
  leaseMs: 10_000,
  /** How long a stop waits for running operations: what is cut off then was paid for, so longer than images take. */
  drainTimeoutMs: 180_000,
  /** How long a stop only says "not ready" before it takes no more connections: a balancer's time to notice. */
  drainDelayMs: 0,
  /** Event streams that one user may have open. */
  streamsPerUser: 100,
  /** Connections of this process to a PostgreSQL server, beside those of the queue and two that listen. */
  databasePool: 10,
  /** Connections of the queue to a PostgreSQL server. */
  queuePool: 3,
}

const limits = z.strictObject({
  maxUploadBytes: positive.optional(),
  maxRequestBytes: positive.optional(),
  concurrentOperations: positive.max(1_000).optional(),
  operationTimeoutMs: positive.min(1_000).optional(),
  upstreamIdleTimeoutMs: positive.min(1_000).optional(),
  leaseMs: positive.min(1_000).optional(),
  drainTimeoutMs: positive.optional(),
  drainDelayMs: z.number().int().nonnegative().optional(),
  streamsPerUser: positive.optional(),
  databasePool: positive.max(1_000).optional(),
  queuePool: positive.max(100).optional(),
})

const hourMs = 3_600_000
const dayMs = 24 * hourMs

/** How long things are kept after their operation has ended. Usage is kept for ever. */
export const retentionDefaults = {
  partialImagesMs: dayMs,
  /** All images of an operation, its sources too. */
  resultsMs: 30 * dayMs,
  /** Its prompt, its events, its attempts, and the request id by which a retry finds it. */
  operationsMs: 90 * dayMs,
  /** Raw replies that a crash left behind and nobody needs. */
  spoolMs: hourMs,
  /** Files of requests that a crash left behind. Longer than an operation may take. */
  tempMs: dayMs,
  /** Stored images that no row names. Longer than it takes to notice that the wrong backup was restored. */
  quarantineMs: 30 * dayMs,
}

const retention = z.strictObject({
  partialImagesMs: positive.optional(),
  resultsMs: positive.optional(),
  // A client may retry as long as it may ask for its operation (AIP-155; Stripe's v2 keys live 30 days).
  operationsMs: positive.min(30 * dayMs).optional(),
  spoolMs: positive.optional(),
  tempMs: positive.min(hourMs).optional(),
  quarantineMs: positive.min(7 * dayMs).optional(),
})

const jwt = z.strictObject({
  issuer: z.string().min(1),
  audience: z.string().min(1),
  jwksUrl: z.url({ protocol: /^https?$/ }),
  userClaim: z.string().min(1).default('sub'),
  algorithms: z.array(z.string()).min(1).optional(),
})

/** The shape of `easel.yaml`. */
export const configFile = z.strictObject({
  providers: providerEntries.optional(),
  defaults: z
    .strictObject({
      generate: z.string().optional(),
      edit: z.string().optional(),
      variation: z.string().optional(),
    })
    .optional(),
  jwt: jwt.optional(),
  /** Origins of web pages elsewhere that may call this gateway, e.g. `http://localhost:5173`. */
  allowedOrigins: z.array(z.url({ protocol: /^https?$/ })).optional(),
  limits: limits.optional(),
  retention: retention.optional(),
})

export type ConfigFile = z.infer<typeof configFile>
