import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { LRUCache } from 'lru-cache'

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
  const evicted: string[] = []
  const sizes = new LRUCache<string, number>({
    maxSize: maxBytes,
    // The newest file stays even if it alone is too large, since it is about to be read.
    sizeCalculation: (size) => Math.min(Math.max(size, 1), maxBytes),
    dispose: (_, name, reason) => {
      if (reason === 'evict') evicted.push(name)
    },
  })
  let loading: Promise<void> | undefined
  const ready = () => {
    loading ??= load()
    return loading
  }
  const load = async () => {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    for (const { name, size } of await listOldestFirst(folder)) sizes.set(name, size)
    await removeEvicted()
  }
  const remove = (name: string) => rm(join(folder, name), { force: true })
  const removeEvicted = () => Promise.all(evicted.splice(0).map(remove))
  return {
    async get(name) {
      await ready()
      const byteSize = sizes.get(name)
      if (byteSize === undefined) return undefined
      const handle = await open(join(folder, name), 'r').catch(() => undefined)
      if (handle) return { handle, byteSize }
      sizes.delete(name)
      return undefined
    },
    async add(name, file) {
      await ready()
      const { size } = await stat(file)
      await rename(file, join(folder, name))
      sizes.set(name, size)
      await removeEvicted()
    },
    async dropWithPrefix(prefix) {
      await ready()
      const names = [...sizes.keys()].filter((name) => name.startsWith(prefix))
      for (const name of names) sizes.delete(name)
      await Promise.all(names.map(remove))
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
