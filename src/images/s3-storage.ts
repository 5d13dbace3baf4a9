import { createReadStream } from 'node:fs'
import { addAbortSignal, type Readable } from 'node:stream'
import { createS3Listing } from './s3-listing.ts'
import { objectMissing, type Storage } from './storage.ts'

/** The most that S3 deletes in one request. */
const batchSize = 1_000

export interface S3StorageOptions {
  readonly bucket: string
  /** What all keys begin with in the bucket; callers never see it. */
  readonly prefix?: string | undefined
  readonly region: string
  /** For servers other than Amazon's that speak S3. Their buckets are then part of the path. */
  readonly endpoint?: string | undefined
  /** Without them the SDK finds credentials as Amazon's tools do: environment, profile, role of the machine. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined
  readonly timeouts?: S3Timeouts | undefined
}

/** Without limits the SDK waits for ever for a server that has accepted the connection. */
export interface S3Timeouts {
  readonly connectMs: number
  /** How long no byte may move in either direction, also within a body. */
  readonly idleMs: number
  /** From the beginning of a request to the beginning of its answer, the upload of the image included. */
  readonly requestMs: number
}

const defaultTimeouts: S3Timeouts = { connectMs: 5_000, idleMs: 30_000, requestMs: 300_000 }

const ignore = () => {}
const silentLogger = { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore }

export interface S3Storage extends Storage {
  close(): void
}

/** Keeps images in a bucket, or below a prefix of one. The SDK is large, so it is loaded only where there is one. */
export async function createS3Storage(options: S3StorageOptions): Promise<S3Storage> {
  const { bucket, prefix = '' } = options
  const { DeleteObjectsCommand, GetObjectCommand, PutObjectCommand } = await import('@aws-sdk/client-s3')
  const { S3Driver } = await import('flydrive/drivers/s3')
  const client = await createClient(options)
  // Most servers have object ACLs off; a bucket of images is private as a whole.
  const driver = new S3Driver({ client, bucket, visibility: 'private', supportsACL: false })
  const listing = await createS3Listing({ client, bucket, prefix })
  const at = (key: string) => ({ Bucket: bucket, Key: prefix + key })
  const get = async (key: string, range: { Range?: string }, signal: AbortSignal | undefined) => {
    const command = new GetObjectCommand({ ...at(key), ...range })
    return (await client.send(command, signal ? { abortSignal: signal } : {})).Body
  }
  const write = (key: string, text: string, condition: { IfNoneMatch?: '*' }, signal?: AbortSignal) => {
    const facts = { Body: text, ContentType: 'application/json', ...condition }
    return client.send(new PutObjectCommand({ ...at(key), ...facts }), signal ? { abortSignal: signal } : {})
  }
  return {
    async put(key, file, { contentType, byteSize, signal }) {
      const bytes = createReadStream(file)
      if (signal) addAbortSignal(signal, bytes)
      try {
        await driver.putStream(prefix + key, bytes, { contentType, contentLength: byteSize })
      } finally {
        bytes.destroy()
      }
    },
    async open(key, { start, end, signal } = {}) {
      const range =
        start === undefined && end === undefined ? {} : { Range: `bytes=${start ?? 0}-${end ?? ''}` }
      try {
        // Under Node the SDK's body is a Readable; its type also covers browsers.
        return (await get(key, range, signal)) as Readable
      } catch (error) {
        throw isMissing(error) ? objectMissing(error) : error
      }
    },
    async size(key) {
      try {
        return (await driver.getMetaData(prefix + key)).contentLength
      } catch (error) {
        if (isMissing(error)) return null
        throw error
      }
    },
    delete: (key) => driver.delete(prefix + key),
    async deleteMany(keys, signal) {
      for (let from = 0; from < keys.length; from += batchSize) {
        const Objects = keys.slice(from, from + batchSize).map((key) => ({ Key: prefix + key }))
        const command = new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } })
        const { Errors = [] } = await client.send(command, signal ? { abortSignal: signal } : {})
        // S3 answers 200 even if single objects were not deleted.
        const failures = Errors.filter(({ Code }) => Code !== 'NoSuchKey')
        if (failures[0]) throw new Error(`S3 kept ${failures.length} objects: ${failures[0].Code}`)
      }
    },
    deletePrefix: (folder) => driver.deleteAll(prefix + folder),
    async *list(folder, signal) {
      for await (const page of listing.pages({ folder, signal })) yield* page
    },
    pages: (which = {}) => listing.pages(which),
    async readText(key, signal) {
      try {
        return (await get(key, {}, signal))?.transformToString() ?? ''
      } catch (error) {
        if (isMissing(error)) return null
        throw error
      }
    },
    async writeText(key, text, { ifAbsent = false, signal } = {}) {
      try {
        await write(key, text, ifAbsent ? { IfNoneMatch: '*' } : {}, signal)
        return true
      } catch (error) {
        if (ifAbsent && isTaken(error)) return false
        throw error
      }
    },
    close: () => client.destroy(),
  }
}

async function createClient({ region, endpoint, credentials, timeouts = defaultTimeouts }: S3StorageOptions) {
  const { S3Client } = await import('@aws-sdk/client-s3')
  return new S3Client({
    region,
    ...(endpoint ? { endpoint, forcePathStyle: true } : {}),
    ...(credentials ? { credentials } : {}),
    // The newer default adds a checksum in a trailer, which many servers other than Amazon's refuse.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // Without a logger the SDK writes to the console; what went wrong is in the error as well.
    logger: silentLogger,
    requestHandler: {
      connectionTimeout: timeouts.connectMs,
      socketTimeout: timeouts.idleMs,
      requestTimeout: timeouts.requestMs,
      throwOnRequestTimeout: true,
    },
  })
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && ['NoSuchKey', 'NotFound'].includes(error.name)
}

/** A conditional write found an object, or another writer at the same moment (409). */
function isTaken(error: unknown): boolean {
  return error instanceof Error && ['PreconditionFailed', 'ConditionalRequestConflict'].includes(error.name)
}
