import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createFileStorage } from '../../src/images/file-storage.ts'
import { makeFolder, removeFolder } from '../kit/temporary-folder.ts'

/** Linux keeps this one in memory, whatever the disk is. */
const otherFileSystem = '/dev/shm'
const options = { contentType: 'image/png', byteSize: 11 }

let folder: string

beforeAll(async () => {
  folder = await makeFolder()
})
afterAll(() => removeFolder(folder))

async function putFrom(from: string): Promise<{ source: string; kept: string; names: string[] }> {
  const storage = createFileStorage({ folder: join(folder, 'images'), newId: randomUUID })
  const [source, operation] = [join(from, randomUUID()), randomUUID()]
  await writeFile(source, 'lighthouses')
  const key = `${operation}/lighthouse.png`
  await storage.put(key, source, options)
  await storage.put(key, source, options)
  const home = join(folder, 'images', operation)
  return { source, kept: join(home, 'lighthouse.png'), names: await readdir(home) }
}

describe('a file that is kept, and kept again', () => {
  test('is the same file under a second name', async () => {
    const { source, kept, names } = await putFrom(folder)
    expect(names).toEqual(['lighthouse.png'])
    expect((await stat(kept)).ino).toBe((await stat(source)).ino)
  })

  test.skipIf(!existsSync(otherFileSystem))('is copied from another file system, whole', async () => {
    const elsewhere = await mkdtemp(join(otherFileSystem, 'easel-'))
    try {
      const { kept, names } = await putFrom(elsewhere)
      expect(names).toEqual(['lighthouse.png'])
      expect(await readFile(kept, 'utf8')).toBe('lighthouses')
    } finally {
      await rm(elsewhere, { recursive: true })
    }
  })
})
