import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { emptyInput } from '../../src/catalogue/operation-input.ts'
import type { Database } from '../../src/database/database.ts'
import { createTestDatabase } from '../kit/database/test-database.ts'
import { openWorkshop } from '../kit/rooms/workshop.ts'
import { makeFolder, removeFolder } from '../kit/temporary-folder.ts'
import type { Script } from '../kit/upstream/exchange.ts'
import { usage } from '../kit/upstream/image-replies.ts'
import { replyEvents, replyJson } from '../kit/upstream/replies.ts'
import { type ScriptedUpstream, startScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'

let database: Database
let provider: ScriptedUpstream
let folder: string

beforeAll(async () => {
  database = await createTestDatabase()
  provider = await startScriptedUpstream()
  folder = await makeFolder()
})
afterAll(async () => {
  await provider.close()
  await database.close()
  await removeFolder(folder)
})

/** A picture of noise, which is as large as its pixels. */
async function makeNoise(mean: number): Promise<Buffer> {
  const noise = { type: 'gaussian' as const, mean, sigma: 40 }
  const create = { width: 400, height: 400, channels: 3 as const, background: 'black', noise }
  return sharp({ create }).png().toBuffer()
}

const pictures = [await makeNoise(90), await makeNoise(150)] as const
const [partial, result] = pictures.map((bytes) => bytes.toString('base64'))

const events = [
  { type: 'image_generation.partial_image', b64_json: partial, partial_image_index: 0 },
  { type: 'image_generation.completed', b64_json: result, usage },
].map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)

const replies: { form: string; script: Script; partialImages: number; pictureBytes: number }[] = [
  {
    form: 'JSON',
    script: replyJson({ data: [{ b64_json: result }], usage }),
    partialImages: 0,
    pictureBytes: pictures[1].length,
  },
  {
    form: 'events',
    script: replyEvents(...events),
    partialImages: 1,
    pictureBytes: pictures[0].length + pictures[1].length,
  },
]

/** The bytes of all files of the operation; a file with several names counts once. */
async function sumBytes(root: string): Promise<number> {
  const sizes = new Map<number, number>()
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const { ino, size } = await stat(join(entry.parentPath, entry.name))
    sizes.set(ino, size)
  }
  return [...sizes.values()].reduce((sum, size) => sum + size, 0)
}

/** More than all text of a reply, its head and the mark of the storage. */
const otherBytes = 4_096

test.each(replies)('a picture of a reply is on the disk once ($form)', async (given) => {
  const { form, script, partialImages, pictureBytes } = given
  const prompt = `a picture that is written once, ${form}`
  provider.answer(prompt, script)
  const root = join(folder, form)
  let writtenBytes = 0
  const failpoint = async (name: string) => {
    // Everything is kept, and nothing is removed yet.
    if (name === 'finished') writtenBytes = await sumBytes(root)
  }
  const workshop = await openWorkshop({ database, providerUrl: provider.url, folder: root, failpoint })
  const base = { ...emptyInput, model: 'paid/gpt-image-2', size: '1024x1024', quality: 'LOW' as const }
  const { id } = await workshop.submit(prompt, { input: { ...base, prompt, partialImages } })
  await workshop.operations.wait(id)
  await workshop.close()
  expect(await workshop.read(id)).toMatchObject({ status: 'SUCCEEDED' })
  expect(writtenBytes).toBeGreaterThanOrEqual(pictureBytes)
  expect(writtenBytes).toBeLessThan(pictureBytes + otherBytes)
})
