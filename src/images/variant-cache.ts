import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

export interface CachedFile {
  readonly handle: FileHandle
  readonly byteSize: number
}

/** Files that can be made again, up to a number of bytes; the one unused for longest goes first. */
export interface VariantCache {
  /** The caller closes the handle. A file that is dropped meanwhile can be read to its end. */
  get(name: string): Promise<CachedFile | undefined>
  /** Takes over a finished file of the same file system. */
  add(name: string, file: string): Promise<void>
  dropWithPrefix(prefix: string): Promise<void>
}

export function createVariantCache(options: { folder: string; maxBytes: number }): VariantCache {
  const { folder, maxBytes } = options
  // In order of use: a Map keeps the order of insertion, and every use inserts again.
  const sizes = new Map<string, number>()
  let total = 0
  let loading: Promise<void> | undefined
  const ready = () => {
    loading ??= load()
    return loading
  }
  const load = async () => {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    for (const { name, size } of await listOldestFirst(folder)) remember(name, size)
  }
  const remember = (name: string, size: number) => {
    forget(name)
    sizes.set(name, size)
    total += size
  }
  const forget = (name: string) => {
    total -= sizes.get(name) ?? 0
    return sizes.delete(name)
  }
  const drop = async (name: string) => {
    if (forget(name)) await rm(join(folder, name), { force: true })
  }
  const shrink = async () => {
    for (const name of sizes.keys()) {
      // The newest stays even if it alone is too large: somebody is about to read it.
      if (total <= maxBytes || sizes.size === 1) return
      await drop(name)
    }
  }
  return {
    async get(name) {
      await ready()
      const size = sizes.get(name)
      if (size === undefined) return undefined
      const handle = await open(join(folder, name), 'r').catch(() => undefined)
      if (!handle) {
        forget(name)
        return undefined
      }
      remember(name, size)
      return { handle, byteSize: size }
    },
    async add(name, file) {
      await ready()
      const { size } = await stat(file)
      await rename(file, join(folder, name))
      remember(name, size)
      await shrink()
    },
    async dropWithPrefix(prefix) {
      await ready()
      for (const name of [...sizes.keys()]) if (name.startsWith(prefix)) await drop(name)
    },
  }
}

async function listOldestFirst(folder: string): Promise<{ name: string; size: number }[]> {
  const files: { name: string; size: number; time: number }[] = []
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (!entry.isFile() || entry.name.endsWith('.part')) continue
    const facts = await stat(join(folder, entry.name)).catch(() => undefined)
    if (facts) files.push({ name: entry.name, size: facts.size, time: facts.mtimeMs })
  }
  return files.sort((a, b) => a.time - b.time)
}
