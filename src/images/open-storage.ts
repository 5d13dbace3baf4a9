import { join } from 'node:path'
import { createFileStorage } from './file-storage.ts'
import { createS3Storage } from './s3-storage.ts'
import type { Storage } from './storage.ts'
import { type WatchedStorage, type WatchedStorageOptions, watchStorage } from './watched-storage.ts'

export type StoragePlace =
  | { kind: 'files' }
  | { kind: 's3'; bucket: string; prefix: string; endpoint: string | null; region: string | null }

export type ClosableStorage = Storage & { close?(): void }

type Watching = Omit<WatchedStorageOptions<ClosableStorage>, 'storage' | 'probe'>

/** Opens the storage of images that the operator chose. Files are kept in the data folder. */
export async function openStorage(
  place: StoragePlace,
  { dataDir, ...watching }: Watching & { dataDir: string },
): Promise<WatchedStorage<ClosableStorage>> {
  if (place.kind === 'files') {
    const files = createFileStorage({ folder: join(dataDir, 'images'), newId: watching.newId })
    return watchStorage({ ...watching, storage: files, probe: 'write' })
  }
  const { bucket, prefix, region, endpoint } = place
  const s3 = await createS3Storage({
    bucket,
    prefix,
    region: region ?? 'us-east-1',
    endpoint: endpoint ?? undefined,
  })
  return watchStorage<ClosableStorage>({ ...watching, storage: s3, probe: 'look' })
}
