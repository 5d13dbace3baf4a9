import type { Storage } from '../../images/storage.ts'

/** The spool id of an attempt whose reply every process can read. */
export const sharedSpoolId = 'shared'

/** Keeps complete replies in the storage that several machines share, so no reply depends on one machine's disk. */
export interface SharedSpool {
  put(attemptId: string, reply: { file: string; byteSize: number; signal: AbortSignal }): Promise<void>
  has(attemptId: string): Promise<boolean>
  read(attemptId: string): AsyncIterable<Uint8Array>
  remove(attemptId: string): Promise<void>
  /** What is there, with the time at which it was put there. */
  list(signal: AbortSignal): AsyncIterable<{ attemptId: string; modifiedAt: Date }>
}

const folder = 'spool/'
const extension = '.reply'

export function createSharedSpool(
  storage: Pick<Storage, 'put' | 'open' | 'size' | 'delete' | 'list'>,
): SharedSpool {
  const keyOf = (attemptId: string) => `${folder}${attemptId}${extension}`
  return {
    put: (attemptId, { file, byteSize, signal }) =>
      storage.put(keyOf(attemptId), file, { contentType: 'application/octet-stream', byteSize, signal }),
    has: async (attemptId) => (await storage.size(keyOf(attemptId))) !== null,
    read: async function* (attemptId) {
      yield* await storage.open(keyOf(attemptId))
    },
    remove: (attemptId) => storage.delete(keyOf(attemptId)),
    list: async function* (signal) {
      for await (const { key, modifiedAt } of storage.list(folder, signal)) {
        if (key.endsWith(extension))
          yield { attemptId: key.slice(folder.length, -extension.length), modifiedAt }
      }
    },
  }
}
