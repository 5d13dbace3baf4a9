import { cpSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openEmbeddedDatabase } from '../../../src/database/embedded-database.ts'
import { prepareFolder } from './prepared-folder.ts'
import { eraseTraces } from './prepared-traces.ts'

let prepared: Promise<string> | undefined

/** A data folder as the first start of a gateway leaves it: `<folder>/postgres`, with everything in its place. */
export function prepareEmbedded(): Promise<string> {
  prepared ??= prepareFolder({ name: 'embedded', make })
  return prepared
}

/** The start of a gateway in this folder is then not its first one. */
export async function copyPreparedFolder(folder: string): Promise<void> {
  // The asynchronous one takes ten times as long over a thousand small files.
  cpSync(join(await prepareEmbedded(), 'postgres'), join(folder, 'postgres'), { recursive: true })
}

/** A new temporary folder for a gateway, with its database in it. */
export async function makePreparedFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'easel-gateway-'))
  await copyPreparedFolder(folder)
  return folder
}

async function make(folder: string): Promise<void> {
  const database = await openEmbeddedDatabase({
    folder,
    onError: (error) => {
      throw error
    },
  })
  await database.boss.start()
  await database.boss.stop({ close: false, graceful: false })
  await eraseTraces(database.prisma)
  await database.close()
  await rm(join(folder, 'lock.sqlite'))
}
