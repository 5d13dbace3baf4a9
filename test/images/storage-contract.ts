import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { expect, it } from 'vitest'
import type { Storage } from '../../src/images/storage.ts'
import { refusalOf } from './studio.ts'

const root = mkdtempSync(join(tmpdir(), 'easel-source-'))
const source = join(root, 'source')
writeFileSync(source, '0123456789', { mode: 0o600 })

/** Before anything was put, to the second in which a storage counts. */
export const startedAt = Math.floor(Date.now() / 1000) * 1000

// Several test files of one process put from it.
process.once('exit', () => rmSync(root, { recursive: true, force: true }))

export const put = (storage: Storage, key: string, file = source, byteSize = 10) =>
  storage.put(key, file, { contentType: 'image/png', byteSize })

/** What every storage does, whatever it is made of. */
export function keepsImages(current: () => Storage): void {
  it('reads what was put, whole or in part, once or twice put', async () => {
    const storage = current()
    await put(storage, 'a/one.png')
    await put(storage, 'a/one.png')
    expect(await storage.size('a/one.png')).toBe(10)
    expect((await buffer(await storage.open('a/one.png'))).toString()).toBe('0123456789')
    expect((await buffer(await storage.open('a/one.png', { start: 2, end: 4 }))).toString()).toBe('234')
    expect((await buffer(await storage.open('a/one.png', { start: 7 }))).toString()).toBe('789')
  })

  it('keeps the image when the file it was put from goes', async () => {
    const passing = join(root, 'passing')
    writeFileSync(passing, 'bytes')
    await put(current(), 'b/one.png', passing, 5)
    rmSync(passing)
    expect((await buffer(await current().open('b/one.png'))).toString()).toBe('bytes')
  })

  it('lists the images of an operation, however many', async () => {
    const storage = current()
    for (const name of ['one', 'two', 'three']) await put(storage, `c/${name}.png`)
    for (const operation of ['d', 'e', 'f']) await put(storage, `${operation}/one.png`)
    const objects = await Array.fromAsync(storage.list('c/'))
    expect(objects.map(({ key }) => key).sort()).toEqual(['c/one.png', 'c/three.png', 'c/two.png'])
    for (const { modifiedAt } of objects) expect(modifiedAt.getTime()).toBeGreaterThanOrEqual(startedAt)
    expect(await Array.fromAsync(storage.list('nobody/'))).toEqual([])
  })

  it('deletes one image or all of an operation, again and again', async () => {
    const storage = current()
    for (const name of ['one', 'two', 'three', 'four']) await put(storage, `g/${name}.png`)
    await storage.delete('g/one.png')
    await storage.delete('g/one.png')
    expect(await storage.size('g/one.png')).toBeNull()
    expect(await storage.size('g/two.png')).toBe(10)
    await storage.deletePrefix('g/')
    await storage.deletePrefix('g/')
    expect(await Array.fromAsync(storage.list('g/'))).toEqual([])
    expect(await refusalOf(storage.open('g/two.png'))).toMatchObject({
      code: 'NOT_FOUND',
      reason: 'IMAGE_GONE',
    })
  })

  it('stops writing when it is told to', async () => {
    const signal = AbortSignal.abort(new Error('stopped'))
    const stopped = current().put('h/one.png', source, { contentType: 'image/png', byteSize: 10, signal })
    await expect(stopped).rejects.toThrow()
    expect(await current().size('h/one.png')).toBeNull()
  })

  it('shows everything it has in the order of the keys, from any place on', async () => {
    const storage = current()
    // A slash stands behind a dot and a hyphen among the characters: a folder is not always where its name is.
    const keys = ['o-1/a.png', 'o.png', 'o/a.png', 'o/b.png', 'o/b/c.png', 'o1/a.png', 'p q+ä%/é.png']
    for (const key of keys.toReversed()) await put(storage, key)
    const shown = async (after: string) => {
      const objects = (await Array.fromAsync(storage.pages({ after }))).flat()
      for (const { modifiedAt } of objects) expect(modifiedAt.getTime()).toBeGreaterThanOrEqual(startedAt)
      return objects.map(({ key }) => key).filter((key) => /^[op]/.test(key))
    }
    expect(await shown('')).toEqual(keys)
    for (const [at, key] of keys.entries()) expect(await shown(key)).toEqual(keys.slice(at + 1))
    await storage.deleteMany([...keys, 'o/never-there.png'])
    expect(await shown('')).toEqual([])
  })

  it('keeps a small text, once for all who write it only if it is absent', async () => {
    const storage = current()
    expect(await storage.readText('word.json')).toBeNull()
    const tries = ['one', 'two', 'three'].map(async (text) => {
      return (await storage.writeText('word.json', text, { ifAbsent: true })) ? [text] : []
    })
    const written = (await Promise.all(tries)).flat()
    expect(written).toEqual([await storage.readText('word.json')])
    expect(await storage.writeText('word.json', 'four')).toBe(true)
    expect(await storage.readText('word.json')).toBe('four')
    await storage.delete('word.json')
  })
}
