import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createVariantCache, type VariantCache } from '../../src/images/variant-cache.ts'

let root: string
let folder: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'easel-cache-'))
  folder = join(root, 'cache')
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

async function add(cache: VariantCache, name: string, byteSize = 10): Promise<void> {
  const file = join(root, 'made')
  writeFileSync(file, Buffer.alloc(byteSize))
  await cache.add(name, file)
}

async function use(cache: VariantCache, name: string): Promise<number | undefined> {
  const file = await cache.get(name)
  await file?.handle.close()
  return file?.byteSize
}

describe('the cache of resized images', () => {
  it('holds no more bytes than it may and drops what was unused for longest', async () => {
    const cache = createVariantCache({ folder, maxBytes: 30 })
    for (const name of ['a', 'b', 'c']) await add(cache, name)
    expect(await use(cache, 'a')).toBe(10)
    await add(cache, 'd')
    expect(readdirSync(folder).sort()).toEqual(['a', 'c', 'd'])
    expect(await use(cache, 'b')).toBeUndefined()
  })

  it('replaces a file without counting it twice', async () => {
    const cache = createVariantCache({ folder, maxBytes: 30 })
    await add(cache, 'a')
    for (let round = 0; round < 5; round++) await add(cache, 'b', 20)
    expect(readdirSync(folder).sort()).toEqual(['a', 'b'])
  })

  it('keeps the newest even if it alone is too large', async () => {
    const cache = createVariantCache({ folder, maxBytes: 30 })
    await add(cache, 'a')
    await add(cache, 'b', 100)
    expect(readdirSync(folder)).toEqual(['b'])
    expect(await use(cache, 'b')).toBe(100)
  })

  it('knows after a restart what it has, and which of it is oldest', async () => {
    const before = createVariantCache({ folder, maxBytes: 100 })
    for (const name of ['a', 'b', 'c']) await add(before, name)
    for (const [index, name] of ['b', 'c', 'a'].entries()) utimesSync(join(folder, name), index, index)
    const after = createVariantCache({ folder, maxBytes: 30 })
    await add(after, 'd')
    expect(readdirSync(folder).sort()).toEqual(['a', 'c', 'd'])
  })

  it('does not rely on a file that somebody else deleted', async () => {
    const cache = createVariantCache({ folder, maxBytes: 30 })
    await add(cache, 'a')
    rmSync(join(folder, 'a'))
    expect(await use(cache, 'a')).toBeUndefined()
  })

  it('drops all of one image', async () => {
    const cache = createVariantCache({ folder, maxBytes: 100 })
    for (const name of ['x-1', 'x-2', 'y-1']) await add(cache, name)
    await cache.dropWithPrefix('x-')
    expect(readdirSync(folder)).toEqual(['y-1'])
  })
})
