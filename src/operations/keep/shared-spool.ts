import { stat } from 'node:fs/promises'
import type { Storage } from '../../images/storage.ts'
import { readEnvelope } from './envelope.ts'
import { attemptOf, imageName, replyName, type SpoolFiles } from './spool-files.ts'

/** The spool id of an attempt whose reply every process can read. */
export const sharedSpoolId = 'shared'

/** Keeps complete replies in the storage that several machines share, so no reply depends on one machine's disk. */
export interface SharedSpool {
  /** The reply is there for others once this is done. */
  put(attemptId: string, reply: { files: SpoolFiles; signal: AbortSignal }): Promise<void>
  has(attemptId: string): Promise<boolean>
  read(attemptId: string): AsyncIterable<Uint8Array>
  remove(attemptId: string): Promise<void>
  /** What is there, with the time at which it was put there. */
  list(signal: AbortSignal): AsyncIterable<{ attemptId: string; modifiedAt: Date }>
}

const folder = 'spool/'
const contentType = 'application/octet-stream'

export function createSharedSpool(
  storage: Pick<Storage, 'put' | 'open' | 'size' | 'deleteMany' | 'list'>,
): SharedSpool {
  const keyOf = (name: string) => `${folder}${name}`
  const put = async (name: string, file: string, signal: AbortSignal) => {
    const { size: byteSize } = await stat(file)
    await storage.put(keyOf(name), file, { contentType, byteSize, signal })
  }
  return {
    put: async (attemptId, { files, signal }) => {
      for (const [number, file] of files.images) await put(imageName(attemptId, number), file, signal)
      await put(replyName(attemptId), files.envelope, signal)
    },
    has: async (attemptId) => (await storage.size(keyOf(replyName(attemptId)))) !== null,
    read: (attemptId) =>
      readEnvelope(open(storage, keyOf(replyName(attemptId))), (number, start) =>
        open(storage, keyOf(imageName(attemptId, number)), { start }),
      ),
    remove: async (attemptId) => {
      const objects = await Array.fromAsync(storage.list(keyOf(`${attemptId}.`)))
      await storage.deleteMany(objects.map(({ key }) => key))
    },
    list: async function* (signal) {
      for await (const { key, modifiedAt } of storage.list(folder, signal)) {
        const attemptId = attemptOf(key.slice(folder.length))
        if (attemptId !== null) yield { attemptId, modifiedAt }
      }
    },
  }
}

async function* open(
  storage: Pick<Storage, 'open'>,
  key: string,
  range: { start?: number } = {},
): AsyncGenerator<Uint8Array> {
  yield* await storage.open(key, range)
}
