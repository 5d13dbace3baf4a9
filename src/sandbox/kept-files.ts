import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export type KeptFormat = 'png' | 'jpeg'

export interface KeptFile {
  path: string
  mimeType: string
}

export interface KeptFiles {
  /** Stores a file for a while and returns its name. */
  keep(bytes: Buffer, format?: KeptFormat): Promise<string>
  /** A file of that name, unless it never was or has expired. */
  find(name: string): KeptFile | undefined
}

export interface KeptFilesOptions {
  folder: string
  maxFiles: number
  maxAgeMs: number
  now: () => number
  newId: () => string
}

/** What lies behind temporary addresses. The oldest file goes when there are too many. */
export function createKeptFiles({ folder, maxFiles, maxAgeMs, now, newId }: KeptFilesOptions): KeptFiles {
  const keptAt = new Map<string, number>()
  const pathOf = (name: string) => join(folder, name)
  const isOld = (at: number) => now() - at >= maxAgeMs

  const makeRoom = async () => {
    for (const [name, at] of keptAt) {
      if (keptAt.size < maxFiles && !isOld(at)) return
      keptAt.delete(name)
      await rm(pathOf(name), { force: true })
    }
  }

  return {
    async keep(bytes, format = 'png') {
      await makeRoom()
      const name = `${newId()}.${format}`
      await writeFile(pathOf(name), bytes)
      keptAt.set(name, now())
      return name
    },
    find(name) {
      const at = keptAt.get(name)
      if (at === undefined || isOld(at)) return undefined
      return { path: pathOf(name), mimeType: name.endsWith('.png') ? 'image/png' : 'image/jpeg' }
    },
  }
}
