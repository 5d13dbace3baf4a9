import type { Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { StoredObject } from './storage.ts'

/**
 * Every file below a folder, in the order of the whole keys, one folder in memory at a time. Files that are deleted
 * meanwhile are left out.
 */
export async function* walkFiles(
  root: string,
  { after, signal }: { after?: string | null | undefined; signal?: AbortSignal | undefined },
  folder = '',
): AsyncGenerator<StoredObject> {
  for (const { key, isFolder } of await readSorted(root, folder)) {
    signal?.throwIfAborted()
    if (after && key <= after && !(isFolder && after.startsWith(key))) continue
    if (isFolder) yield* walkFiles(root, { after, signal }, key)
    else {
      const facts = await stat(join(root, key)).catch(() => undefined)
      if (facts) yield { key, modifiedAt: facts.mtime }
    }
  }
}

/** The key of a folder ends with a slash, so that it is sorted like the keys of its files. */
async function readSorted(root: string, folder: string): Promise<{ key: string; isFolder: boolean }[]> {
  const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(missingIsEmpty)
  return entries
    .filter((entry) => entry.isFile() || entry.isDirectory())
    .map((entry) => ({
      key: `${folder}${entry.name}${entry.isDirectory() ? '/' : ''}`,
      isFolder: entry.isDirectory(),
    }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
}

function missingIsEmpty(error: unknown): Dirent[] {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
  throw error
}

export async function* inPages<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let page: T[] = []
  for await (const item of items) {
    if (page.push(item) < size) continue
    yield page
    page = []
  }
  if (page.length > 0) yield page
}
