import type { S3Client } from '@aws-sdk/client-s3'
import type { StoredObject } from './storage.ts'

export interface S3Page {
  /** Only keys that begin with this. */
  folder?: string
  after?: string | null | undefined
  signal?: AbortSignal | undefined
}

/** Lists what is below the prefix, a thousand objects a request, in the order of the keys. */
export async function createS3Listing(options: { client: S3Client; bucket: string; prefix: string }) {
  const { client, bucket, prefix } = options
  const { paginateListObjectsV2 } = await import('@aws-sdk/client-s3')
  return {
    async *pages({ folder = '', after, signal }: S3Page): AsyncGenerator<StoredObject[]> {
      const which = {
        Bucket: bucket,
        Prefix: prefix + folder,
        // Keys of other programs may hold characters that XML cannot.
        EncodingType: 'url' as const,
        ...(after ? { StartAfter: prefix + after } : {}),
      }
      const pages = paginateListObjectsV2({ client }, which, ...(signal ? [{ abortSignal: signal }] : []))
      for await (const { Contents = [], EncodingType } of pages) {
        yield Contents.flatMap(({ Key, LastModified }) => {
          if (!Key || !LastModified) return []
          const key = EncodingType === 'url' ? decodeKey(Key) : Key
          return [{ key: key.slice(prefix.length), modifiedAt: LastModified }]
        })
      }
    },
  }
}

function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '))
  } catch {
    // The key is not valid text. Easel never makes such a key, so its exact name does not matter.
    return key
  }
}
