import { writeFile } from 'node:fs/promises'
import { probeName } from './object-name.ts'
import type { Storage } from './storage.ts'
import { createTemporaryFiles, prepareFolder } from './temporary-files.ts'

export interface StorageProbeOptions {
  storage: Storage
  /** `look` costs a storage that charges for writes next to nothing; `write` also finds a disk that is read-only. */
  how: 'look' | 'write'
  /** For the file that is written. */
  folder: string
  newId: () => string
}

const leastBytes = 64
/** The most that a probe writes, so that it does not write a large image again and again while a disk is full. */
const mostBytes = 4 * 1024 * 1024

/** Finds out whether a storage works. After a failed write only another write of the same size can show it. */
export function createStorageProbe({ storage, how, folder, newId }: StorageProbeOptions) {
  const write = async (failedBytes: number): Promise<void> => {
    const byteSize = Math.min(Math.max(leastBytes, failedBytes), mostBytes)
    const files = createTemporaryFiles(folder, newId)
    try {
      await prepareFolder(folder)
      const path = files.next()
      await writeFile(path, Buffer.alloc(byteSize, 'Easel looks whether images can be kept. '))
      await storage.put(probeName, path, { contentType: 'text/plain', byteSize })
    } finally {
      await files.dispose()
    }
  }

  return async (failedBytes: number): Promise<void> => {
    if (how === 'write') {
      await write(failedBytes)
      return storage.delete(probeName)
    }
    // The written object stays, so that a later probe by reading finds it.
    if (failedBytes > 0) return write(failedBytes)
    await storage.size(probeName).catch((error: unknown) => {
      // Without the right to list, S3 says 403 of an object that is not there yet.
      if (isForbidden(error)) return write(0)
      throw error
    })
  }
}

function isForbidden(error: unknown): boolean {
  const { $metadata } = error as { $metadata?: { httpStatusCode?: number } }
  return $metadata?.httpStatusCode === 403
}
