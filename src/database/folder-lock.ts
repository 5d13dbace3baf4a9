import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { EaselError } from '../errors.ts'

export interface FolderLock {
  release(): void
}

/**
 * Makes this process the only owner of a data folder. Two PGlite processes on one folder silently lose rows, so the
 * second one must be refused. SQLite's exclusive lock is the operating system's own: unlike a file with a pid it is
 * gone the moment its owner dies, by kill -9 too, and two starters cannot both win it.
 */
export function lockFolder(folder: string): FolderLock {
  const lock = new DatabaseSync(join(folder, 'lock.sqlite'), { timeout: 0 })
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch (cause) {
    lock.close()
    throw new EaselError(
      'UNAVAILABLE',
      `Another Easel process is using the data folder ${folder}. Stop it, give this one its own EASEL_DATA_DIR, ` +
        'or let both share a PostgreSQL server (DATABASE_URL).',
      { reason: 'DATA_FOLDER_IN_USE' },
      { cause },
    )
  }
  return { release: () => lock.close() }
}
