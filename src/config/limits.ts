import { z } from 'zod'

const count = z.int().positive()
const bytes = z.int().positive()
/** Timers count to 2^31 - 1 and fire at once beyond it. */
const longestMs = 2 ** 31 - 1
const wait = z.int().nonnegative().max(longestMs)
const time = z.int().positive().max(longestMs)
const kB = 1024
const MB = 1024 * kB
const weekSeconds = 7 * 24 * 3600

/** Requests over HTTP, from the first byte to the last. What each of them means: `ServerLimits`. */
const requests = z.strictObject({
  maxJsonBytes: bytes.default(1_000_000),
  maxJsonValues: count.default(5_000),
  maxInputDepth: count.default(32),
  maxFiles: count.default(32),
  maxConcurrentUploads: count.default(64),
  maxUploadsPerUser: count.default(4),
  maxWaitingUploadsPerUser: count.default(64),
  uploadWaitMs: time.default(120_000),
  /** Two of the largest requests. */
  maxStagedBytesPerUser: bytes.default(2_048 * MB),
  minBytesPerSecond: count.default(1_024),
  rateWindowMs: time.default(15_000),
  /** A phone on a line of 100 kbit/s sends 12,500 bytes a second: a photo of 10 MB in 14 of the 15 minutes. */
  risenBytesPerSecond: count.default(8_192),
  rateRiseMs: time.default(8 * 60 * 1000),
  bodyTimeoutMs: time.default(15 * 60 * 1000),
  maxHeaderBytes: bytes.default(16_384),
  headersTimeoutMs: time.default(15_000),
  keepAliveTimeoutMs: time.default(65_000),
  stallTimeoutMs: time.default(60_000),
  lingerBytes: bytes.default(64 * MB),
  lingerMs: time.default(10_000),
  readyTimeoutMs: time.default(2_000),
  drainLingerMs: time.default(1_000),
})

/** GraphQL documents. The defaults leave room for every screen of the console many times over. */
const documents = z.strictObject({
  maxDocumentBytes: bytes.default(100_000),
  maxTokens: count.default(5_000),
  /** The only limit of the depth of fields. GraphiQL's introspection query has fifteen levels. */
  maxDepth: count.default(20),
  maxSelectionSets: count.default(64),
  maxAliases: count.default(30),
  maxDirectives: count.default(50),
  maxFields: count.default(2_000),
  maxComparisons: count.default(10_000),
  maxBreadth: count.default(400),
  maxComplexity: count.default(20_000),
  /** As much as one reply of a provider: whatever an operation made fits. */
  maxBase64Bytes: bytes.default(256 * MB),
  maxBase64BytesPerUser: bytes.default(512 * MB),
})

/** Event streams of clients. */
const streams = z.strictObject({
  maxOperationsPerStream: count.default(100),
  pingMs: time.default(12_000),
  reservationMs: time.default(60_000),
  reconnectMs: wait.default(2_000),
})

/** Images that are received, kept and shown: `ImageLimits`. */
const images = z.strictObject({
  /** A phone with a 50-megapixel camera makes pictures of 8160 × 6144, which is a little more. */
  maxPixels: count.default(64_000_000),
  maxEdge: count.default(16_384),
  maxBase64Bytes: bytes.default(64 * MB),
  variantCacheBytes: bytes.default(256 * MB),
  decoders: count.max(64).default(2),
  maxWaitingUploads: count.default(1_024),
  maxWaitingUploadsPerUser: count.default(128),
  maxWaitingVariants: count.default(256),
  maxWaitingVariantsPerUser: count.default(64),
  storedBytesPerUser: bytes.nullable().default(null),
  urlSeconds: count.max(weekSeconds).default(24 * 3600),
  // A week is what the schema tells clients, and the longest life of an address of S3.
  maxUrlSeconds: count.max(weekSeconds).default(weekSeconds),
})

/**
 * What may be asked for within a minute. A request counts one, a request for paid work or for a report ten. Null: any
 * number.
 */
const rates = z.strictObject({
  /** Requests of one address (of IPv6: of one /64), before anybody knows whose they are. A wrong key counts fifty. */
  addressRequestsPerMinute: count.default(12_000),
  /** The next four are those of a user that has none of its own. */
  requestsPerMinute: count.nullable().default(12_000),
  imagesPerMinute: count.nullable().default(null),
  tokensPerMinute: count.nullable().default(null),
  /** Operations of one user that are queued or run. */
  concurrentOperations: count.nullable().default(2_000),
})

/** Calls of providers: `ProviderLimits`. */
const providers = z.strictObject({
  connectTimeoutMs: time.default(10_000),
  replyIdleTimeoutMs: time.default(60_000),
  downloadPauseMs: wait.default(500),
  usageWaitMs: wait.default(2_000),
  maxReplyBytes: bytes.default(256 * MB),
  maxEventBytes: bytes.default(64 * MB),
  maxTextBytes: bytes.default(MB),
  breaker: z.strictObject({ maxFailures: count.default(10), pauseMs: time.default(30_000) }).prefault({}),
})

/** Every limit of the gateway, each with its only default: first those that an operator sets, then one group a room. */
export const limits = z.strictObject({
  /** One uploaded file: upstreams take less than 50 MB. */
  maxUploadBytes: bytes.default(50 * MB),
  /** One request with all its files. */
  maxRequestBytes: bytes.default(1024 * MB),
  /** Operations that this process runs at once. */
  concurrentOperations: count.max(1_000).default(8),
  /** From acceptance to the end of an operation. */
  operationTimeoutMs: time.min(1_000).default(15 * 60 * 1000),
  /** How long a provider may be silent within a reply; a complex image takes up to two minutes. */
  upstreamIdleTimeoutMs: time.min(1_000).default(5 * 60 * 1000),
  /** How long a process may be silent before its operations count as left. Others take them over after half of it more. */
  leaseMs: time.min(1_000).default(10_000),
  /** How long a stop waits for running operations. Longer than an image takes, since calls that are cut off are paid. */
  drainTimeoutMs: time.default(180_000),
  /** How long a stopping process only fails `/readyz` before it closes its port, so that balancers notice. */
  drainDelayMs: wait.default(0),
  /** How long a key may live that a member makes with a token; then, or for longer, an admin makes one. */
  maxTokenKeySeconds: count.max(10 * 366 * 24 * 3600).default(30 * 24 * 3600),
  /** Event streams that one user may have open. */
  streamsPerUser: count.default(100),
  /** Connections of this process to a PostgreSQL server, beside those of the queue and two that listen. */
  databasePool: count.max(1_000).default(10),
  /** Connections of the queue to a PostgreSQL server. */
  queuePool: count.max(100).default(3),
  requests: requests.prefault({}),
  rates: rates.prefault({}),
  documents: documents.prefault({}),
  streams: streams.prefault({}),
  images: images.prefault({}),
  providers: providers.prefault({}),
})

export type Limits = z.output<typeof limits>
