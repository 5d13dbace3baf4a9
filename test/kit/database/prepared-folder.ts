import { createHash, randomUUID } from 'node:crypto'
import { glob, mkdir, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../../..')
const prefix = 'easel-prepared-'

/** What decides the content of a prepared folder: whoever changes one of these gets another folder. */
const sources = [
  'package-lock.json',
  'prisma/migrations/**/*.sql',
  'src/database/*.ts',
  'test/kit/database/prepared-*.ts',
]

/** Well below the days after which a system cleans its temporary folder, file by file. */
const unusedMs = 24 * 3_600_000

export interface PreparedFolder {
  name: string
  /** What else decides the content. */
  facts?: string[]
  make(folder: string): Promise<void>
}

/** A folder that tests copy instead of making one each. It is made once on a machine, and never written to again. */
export async function prepareFolder({ name, facts = [], make }: PreparedFolder): Promise<string> {
  await removeUnused()
  const folder = join(tmpdir(), `${prefix}${name}-${await digest(facts)}`)
  if (await isThere(folder)) {
    const now = new Date()
    await utimes(folder, now, now)
    return folder
  }
  // Beside it and renamed: whoever sees the folder sees a whole one, and of two that make it the first one wins.
  const making = `${folder}.${randomUUID()}`
  await mkdir(making, { mode: 0o700 })
  try {
    await make(making)
    await rename(making, folder).catch(async (error) => {
      if (!(await isThere(folder))) throw error
    })
  } finally {
    await rm(making, { recursive: true, force: true })
  }
  return folder
}

async function digest(facts: string[]): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([process.getuid?.(), ...facts]))
  for (const name of (await Array.fromAsync(glob(sources, { cwd: root }))).sort())
    hash.update(name).update(await readFile(join(root, name)))
  return hash.digest('hex').slice(0, 16)
}

/** Those of other times, and what was left by a making that was killed. */
async function removeUnused(): Promise<void> {
  const names = (await readdir(tmpdir())).filter((name) => name.startsWith(prefix))
  for (const folder of names.map((name) => join(tmpdir(), name))) {
    const found = await stat(folder).catch(() => null)
    if (found && found.mtimeMs < Date.now() - unusedMs) await rm(folder, { recursive: true, force: true })
  }
}

const isThere = (folder: string) =>
  stat(folder).then(
    () => true,
    () => false,
  )
