import { createReadStream } from 'node:fs'
import { addAbortSignal, type Readable } from 'node:stream'
import { objectMissing, type Storage } from './storage.ts'

export interface S3StorageOptions {
  readonly bucket: string
  readonly region: string
  /** For servers other than Amazon's that speak S3. Their buckets are then part of the path. */
  readonly endpoint?: string | undefined
  /** Without them the SDK looks where Amazon's tools look: environment, profile, role of the machine. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined
  readonly timeouts?: S3Timeouts | undefined
}

/** Without limits the SDK waits for ever for a server that has accepted the connection. */
export interface S3Timeouts {
  readonly connectMs: number
  /** No byte either way, also within a body. */
  readonly idleMs: number
  /** Until the answer begins, the sent image included. */
  readonly requestMs: number
}

const defaultTimeouts: S3Timeouts = { connectMs: 5_000, idleMs: 30_000, requestMs: 300_000 }

const ignore = () => {}
const silentLogger = { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore }

export interface S3Storage extends Storage {
  close(): void
}

/** Keeps images in a bucket. The SDK is large, so it is loaded only where there is one. */
export async function createS3Storage(options: S3StorageOptions): Promise<S3Storage> {
  const { bucket, region, endpoint, credentials, timeouts = defaultTimeouts } = options
  const { GetObjectCommand, paginateListObjectsV2, S3Client } = await import('@aws-sdk/client-s3')
  const { S3Driver } = await import('flydrive/drivers/s3')
  const client = new S3Client({
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
  // Most servers have object ACLs off; a bucket of images is private as a whole.
  const driver = new S3Driver({ client, bucket, visibility: 'private', supportsACL: false })
  const pages = (which: { Prefix?: string; Delimiter?: string }, signal: AbortSignal | undefined) =>
    paginateListObjectsV2(
      { client },
      { Bucket: bucket, ...which },
      ...(signal ? [{ abortSignal: signal }] : []),
    )
  return {
    async put(key, file, { contentType, byteSize, signal }) {
      const bytes = createReadStream(file)
      if (signal) addAbortSignal(signal, bytes)
      try {
        await driver.putStream(key, bytes, { contentType, contentLength: byteSize })
      } finally {
        bytes.destroy()
      }
    },
    async open(key, { start, end, signal } = {}) {
      const range =
        start === undefined && end === undefined ? {} : { Range: `bytes=${start ?? 0}-${end ?? ''}` }
      const command = new GetObjectCommand({ Bucket: bucket, Key: key, ...range })
      try {
        // Under Node the SDK's body is a Readable; its type also covers browsers.
        return (await client.send(command, signal ? { abortSignal: signal } : {})).Body as Readable
      } catch (error) {
        throw isMissing(error) ? objectMissing(error) : error
      }
    },
    async size(key) {
      try {
        return (await driver.getMetaData(key)).contentLength
      } catch (error) {
        if (isMissing(error)) return null
        throw error
      }
    },
    delete: (key) => driver.delete(key),
    deletePrefix: (prefix) => driver.deleteAll(prefix),
    async *listPrefixes(signal) {
      for await (const { CommonPrefixes = [] } of pages({ Delimiter: '/' }, signal)) {
        for (const { Prefix = '' } of CommonPrefixes) yield Prefix.slice(0, -1)
      }
    },
    async *list(prefix, signal) {
      for await (const { Contents = [] } of pages({ Prefix: prefix }, signal)) {
        for (const { Key, LastModified } of Contents) {
          if (Key && LastModified) yield { key: Key, modifiedAt: LastModified }
        }
      }
    },
    close: () => client.destroy(),
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && ['NoSuchKey', 'NotFound'].includes(error.name)
}
