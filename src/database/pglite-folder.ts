import { existsSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { dataDir as prepopulatedFolder } from '@electric-sql/pglite-prepopulatedfs'

/**
 * The default of 128 MB is filled with zeros at each start, which takes a second, and stays in memory. What does not fit
 * is still in the operating system's cache.
 */
const startParams = [...PGlite.defaultStartParams, '-c', 'shared_buffers=16MB']

/**
 * A new folder starts from PostgreSQL's own prepared files: initdb takes 3 s, this 0.8 s. They are unpacked beside the
 * final place and renamed, so a start that was killed half-way is simply done again.
 */
export async function openPglite(folder: string): Promise<PGlite> {
  const home = join(folder, 'postgres')
  if (!existsSync(home)) {
    const unpacking = join(folder, 'postgres.new')
    await rm(unpacking, { recursive: true, force: true })
    const first = await PGlite.create({
      dataDir: unpacking,
      loadDataDir: await prepopulatedFolder(),
      startParams,
    })
    await first.close()
    await rename(unpacking, home)
  }
  return PGlite.create({ dataDir: home, startParams })
}
