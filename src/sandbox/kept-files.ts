import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface KeptFiles {
  /** Stores a file for a while and returns its id. */
  keep(bytes: Buffer): Promise<string>
  /** Where a file is, unless it never was or has expired. */
  find(id: string): string | undefined
}

export interface KeptFilesOptions {
  folder: string
  maxFiles: number
  maxAgeMs: number
  now: () => number
  newId: () => string
}

/** The temporary addresses of the dall-e models. The oldest file goes when there are too many. */
export function createKeptFiles({ folder, maxFiles, maxAgeMs, now, newId }: KeptFilesOptions): KeptFiles {
  const keptAt = new Map<string, number>()
  const pathOf = (id: string) => join(folder, `${id}.png`)
  const isOld = (at: number) => now() - at >= maxAgeMs

  const makeRoom = async () => {
    for (const [id, at] of keptAt) {
      if (keptAt.size < maxFiles && !isOld(at)) return
      keptAt.delete(id)
      await rm(pathOf(id), { force: true })
    }
  }

  return {
    async keep(bytes) {
      await makeRoom()
      const id = newId()
      await writeFile(pathOf(id), bytes)
      keptAt.set(id, now())
      return id
    },
    find(id) {
      const at = keptAt.get(id)
      return at === undefined || isOld(at) ? undefined : pathOf(id)
    },
  }
}
