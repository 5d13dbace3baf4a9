import { constants } from 'node:fs'
import { copyFile, link, mkdir, open, rename, rm, rmdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { FSDriver } from 'flydrive/drivers/fs'
import { isDiskFull, storageFull } from './disk-full.ts'
import { objectMissing, type Storage } from './storage.ts'

/** How often a folder may vanish under a put because its last image was deleted at the same moment. */
const maxTries = 3

/** Keeps images in a folder. flydrive lists and deletes; it writes in place, so the writing is done here. */
export function createFileStorage(options: { folder: string; newId: () => string }): Storage {
  const { folder, newId } = options
  const driver = new FSDriver({ location: folder, visibility: 'private' })
  return {
    async put(key, file, { signal }) {
      signal?.throwIfAborted()
      const target = join(folder, key)
      for (let tries = 1; ; tries++) {
        try {
          await mkdir(dirname(target), { recursive: true, mode: 0o700 })
          return await placeFile(file, target, `${target}.${newId()}.part`)
        } catch (error) {
          if (isDiskFull(error)) throw storageFull(error)
          if (!isMissing(error) || tries === maxTries) throw error
        }
      }
    },
    async open(key, { start, end, signal } = {}) {
      const handle = await open(join(folder, key), 'r').catch((error) => {
        throw isMissing(error) ? objectMissing(error) : error
      })
      return handle.createReadStream({
        ...(start === undefined ? {} : { start }),
        ...(end === undefined ? {} : { end }),
        ...(signal ? { signal } : {}),
      })
    },
    async size(key) {
      return (await driver.exists(key)) ? (await driver.getMetaData(key)).contentLength : null
    },
    async delete(key) {
      await driver.delete(key)
      // Fails, as it should, while other images are in the folder.
      await rmdir(dirname(join(folder, key))).catch(() => {})
    },
    deletePrefix: (prefix) => driver.deleteAll(prefix),
    async *listPrefixes() {
      for (const entry of (await driver.listAll('/')).objects) if (entry.isDirectory) yield entry.name
    },
    async *list(prefix) {
      for (const entry of (await driver.listAll(prefix)).objects) {
        if (!entry.isFile) continue
        const facts = await driver.getMetaData(entry.key).catch(() => undefined)
        if (facts) yield { key: entry.key, modifiedAt: facts.lastModified }
      }
    },
  }
}

/** Under its final name a file is always whole and on the disk, also after a power cut. */
async function placeFile(file: string, target: string, temporary: string): Promise<void> {
  try {
    // The staged file never changes, so a second name for it is as good as a copy where the file system allows it.
    await link(file, temporary).catch(() => copyFile(file, temporary, constants.COPYFILE_FICLONE))
    await syncPath(temporary)
    await rename(temporary, target)
    await syncPath(dirname(target))
  } finally {
    // A rename between two names of one file does nothing, so the temporary name may still be there.
    await rm(temporary, { force: true })
  }
}

async function syncPath(path: string): Promise<void> {
  await using handle = await open(path, 'r')
  await handle.sync()
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
