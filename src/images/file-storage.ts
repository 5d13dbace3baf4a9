import { constants } from 'node:fs'
import { copyFile, link, mkdir, open, readFile, rename, rmdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { FSDriver } from 'flydrive/drivers/fs'
import { isDiskFull, storageFull } from './disk-full.ts'
import { inPages, walkFiles } from './file-walk.ts'
import { PieceStream } from './piece-stream.ts'
import { objectMissing, type Storage } from './storage.ts'
import { removeFile } from './temporary-files.ts'

/** How often a folder may vanish under a put because its last image was deleted at the same moment. */
const maxTries = 3
const pageSize = 1_000

/** Keeps images in a folder. flydrive deletes; it writes in place and lists without order, so both are done here. */
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
    async open(key, { start = 0, end = Number.MAX_SAFE_INTEGER, signal } = {}) {
      const handle = await open(join(folder, key), 'r').catch((error) => {
        throw isMissing(error) ? objectMissing(error) : error
      })
      return new PieceStream(handle, { start, end, signal })
    },
    async size(key) {
      return (await driver.exists(key)) ? (await driver.getMetaData(key)).contentLength : null
    },
    delete: (key) => deleteFile(driver, folder, key),
    async deleteMany(keys, signal) {
      for (const key of keys) {
        signal?.throwIfAborted()
        await deleteFile(driver, folder, key)
      }
    },
    deletePrefix: (prefix) => driver.deleteAll(prefix),
    async *list(prefix) {
      for (const entry of (await driver.listAll(prefix)).objects) {
        if (!entry.isFile) continue
        const facts = await driver.getMetaData(entry.key).catch(() => undefined)
        if (facts) yield { key: entry.key, modifiedAt: facts.lastModified }
      }
    },
    pages: (options = {}) => inPages(walkFiles(folder, options), pageSize),
    readText: (key) => readFile(join(folder, key), 'utf8').catch(missingIsNull),
    async writeText(key, text, { ifAbsent = false } = {}) {
      const target = join(folder, key)
      await mkdir(dirname(target), { recursive: true, mode: 0o700 })
      return writeWhole(target, text, { ifAbsent, temporary: `${target}.${newId()}.part` })
    },
  }
}

async function deleteFile(driver: FSDriver, folder: string, key: string): Promise<void> {
  await driver.delete(key)
  // Fails while other images are in the folder, which is intended.
  await rmdir(dirname(join(folder, key))).catch(() => {})
}

async function writeWhole(
  target: string,
  text: string,
  { ifAbsent, temporary }: { ifAbsent: boolean; temporary: string },
): Promise<boolean> {
  try {
    await writeFile(temporary, text, { mode: 0o600, flush: true })
    await (ifAbsent ? placeNew(temporary, target) : rename(temporary, target))
    await syncPath(dirname(target))
    return true
  } catch (error) {
    if (ifAbsent && error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  } finally {
    await removeFile(temporary)
  }
}

/** A hard link fails where a file exists; a rename would replace it. Some file systems have no hard links. */
async function placeNew(temporary: string, target: string): Promise<void> {
  await link(temporary, target).catch((error) => {
    if (error.code === 'EEXIST') throw error
    return copyFile(temporary, target, constants.COPYFILE_EXCL)
  })
}

function missingIsNull(error: unknown): null {
  if (isMissing(error)) return null
  throw error
}

/** Under its final name a file is always whole and on the disk, also after a power cut. */
async function placeFile(file: string, target: string, temporary: string): Promise<void> {
  await syncPath(file)
  // The staged file never changes, so a hard link replaces a copy. What has the name already has the same bytes.
  const isLinked = await link(file, target).then(
    () => true,
    (error) => error.code === 'EEXIST',
  )
  if (!isLinked) await placeCopy(file, target, temporary)
  await syncPath(dirname(target))
}

/** For a file system without hard links, or another one than the file's. */
async function placeCopy(file: string, target: string, temporary: string): Promise<void> {
  try {
    await copyFile(file, temporary, constants.COPYFILE_FICLONE)
    await syncPath(temporary)
    await rename(temporary, target)
  } catch (error) {
    await removeFile(temporary)
    throw error
  }
}

async function syncPath(path: string): Promise<void> {
  await using handle = await open(path, 'r')
  await handle.sync()
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
