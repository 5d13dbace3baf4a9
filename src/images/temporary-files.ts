import { type FileHandle, mkdir, open, readdir, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'

const extension = '.part'

/** Files of one piece of work. Those that are not released when it ends are deleted. */
export interface TemporaryFiles {
  /** A new unique path; the file is not created yet. */
  next(): string
  /** Hands a file over to its new owner. */
  release(path: string): void
  dispose(): Promise<void>
}

export function createTemporaryFiles(folder: string, newId: () => string): TemporaryFiles {
  const paths = new Set<string>()
  return {
    next() {
      const path = join(folder, `${newId()}${extension}`)
      paths.add(path)
      return path
    },
    release: (path) => void paths.delete(path),
    async dispose() {
      await Promise.all([...paths].map((path) => removeFile(path)))
    },
  }
}

export async function prepareFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
}

/** Whether it was there. */
export async function removeFile(path: string): Promise<boolean> {
  try {
    await unlink(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return false
  }
}

/** A new file for writing. Its folder is made when it is missing. */
export async function createFile(path: string): Promise<FileHandle> {
  const create = () => open(path, 'wx', 0o600)
  return create().catch(async (error) => {
    if (error.code !== 'ENOENT') throw error
    await prepareFolder(dirname(path))
    return create()
  })
}

/** Deletes what a killed process left behind; the number of files deleted. */
export async function sweepTemporaryFiles(folder: string, olderThan: Date): Promise<number> {
  let deleted = 0
  for (const name of await readdir(folder).catch(() => [])) {
    if (!name.endsWith(extension)) continue
    const path = join(folder, name)
    const age = await stat(path).catch(() => undefined)
    if (!age || age.mtime >= olderThan) continue
    await removeFile(path)
    deleted++
  }
  return deleted
}
