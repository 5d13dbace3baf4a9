import { readdir, rename, rm, writeFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { multipart } from '../kit/client/graphql-client.ts'
import { accepted, ended, generate, readOperation } from '../kit/client/operation-client.ts'
import { shareTestBed } from '../kit/gateway/shared-bed.ts'
import type { TestBed } from '../kit/gateway/test-bed.ts'
import { photoFile } from '../kit/photo.ts'
import { until } from '../kit/until.ts'
import { after, image, usage } from '../kit/upstream/image-replies.ts'
import { mountSmallDisk, type SmallDisk } from './small-disk.ts'

const noDisk = 'this account may not mount a file system'
const putOff = 'an operation cannot go on: putting it off'

describe('a disk that takes nothing', () => {
  /** Under both the staged files and the kept images, or null. */
  let disks: { staging: SmallDisk; images: SmallDisk } | null = null
  const bed = shareTestBed(
    { database: 'embedded' },
    {
      prepare: async (opened) => {
        const images = await mountBelow(opened, 'images')
        const staging = images && (await mountBelow(opened, 'staging'))
        disks = images && staging && { images, staging }
        // It leaves a mark and removes the former one, which would make room on a full disk.
        await opened.gateway.untilLogged('swept the storage of images')
      },
    },
  )

  /** An operation whose provider has been asked, and answers when it is told to. */
  async function called(prompt: string, answer = image()): Promise<{ id: string; answer: () => void }> {
    const told = Promise.withResolvers<void>()
    bed.provider.answer(prompt, after(told.promise, answer))
    const id = await accepted(bed.gateway, { prompt })
    await bed.provider.until((calls) => calls.some((call) => call.prompt === prompt))
    return { id, answer: told.resolve }
  }

  test('SYS-02: keeps a paid reply until there is room for its image, and charges it once', async () => {
    const images = join(bed.folder, 'images')
    const prompt = 'a shelf that is full'
    const { id, answer } = await called(prompt)
    if (disks) await disks.images.fill()
    else {
      await rename(images, `${images}.away`).catch(() => {})
      await writeFile(images, 'not a folder')
    }
    answer()
    await bed.gateway.untilLogged(putOff)
    expect(await readOperation(bed.gateway, id)).toMatchObject({ status: 'RUNNING', done: false })
    const spooled = (await readdir(join(bed.folder, 'spool'))).map((name) => extname(name))
    expect(spooled.sort(), 'the reply that was paid for').toEqual(['.image-0', '.reply'])
    if (disks) await disks.images.clear()
    else {
      await rm(images)
      await rename(`${images}.away`, images).catch(() => {})
    }
    const operation = await ended(bed.gateway, id)
    expect(operation).toMatchObject({
      status: 'SUCCEEDED',
      response: { usage: { totalTokens: usage.total_tokens } },
    })
    expect(bed.provider.paidFor(prompt)).toBe(1)
  })

  test('SYS-02: nor is a paid reply lost when there is no room to look at its image', async ({ skip }) => {
    const { staging } = disks ?? skip(noDisk)
    const prompt = 'a desk that is full'
    // What has to be changed in an image is done on a copy.
    const { id, answer } = await called(prompt, image({ data: [{ b64_json: await describedPhoto() }] }))
    await staging.fill()
    const before = bed.gateway.logged(putOff).length
    answer()
    await bed.gateway.untilLogged(putOff, before + 1)
    await staging.clear()
    expect(await ended(bed.gateway, id)).toMatchObject({ status: 'SUCCEEDED' })
    expect(bed.provider.paidFor(prompt)).toBe(1)
  })

  test('SYS-02: pays for nothing while there is no room, and goes on once there is', async ({ skip }) => {
    const { images } = disks ?? skip(noDisk)
    const prompt = 'a shelf that was full before'
    await images.fill()
    await until(async () => (await fetch(`${bed.gateway.url}/readyz`)).status === 503)
    const id = await accepted(bed.gateway, { prompt })
    await until(async () => (await readOperation(bed.gateway, id)).metadata.stage === 'WAITING_FOR_STORAGE')
    expect(bed.provider.paidFor(prompt)).toBe(0)
    await images.clear()
    expect(await ended(bed.gateway, id)).toMatchObject({ status: 'SUCCEEDED' })
    expect(bed.provider.paidFor(prompt)).toBe(1)
  })

  test('SYS-01: refuses an upload it has no room for, removes what came of it, and serves everybody else', async ({
    skip,
  }) => {
    const { staging } = disks ?? skip(noDisk)
    await staging.fill()
    const prompt = 'an upload too many'
    expect(await uploadExtensions(bed.gateway.url, prompt)).toMatchObject(storageFull)
    await staging.clear()
    expect(await readdir(join(bed.folder, 'staging'))).toEqual([])
    const { data } = await generate(bed.gateway, { prompt: 'somebody else' })
    expect(await ended(bed.gateway, data.generateImage.id)).toMatchObject({ status: 'SUCCEEDED' })
    expect(bed.provider.calls.some((call) => call.prompt === prompt)).toBe(false)
  })

  test('SYS-01: refuses an upload it has no room to keep, and keeps no part of it', async ({ skip }) => {
    const { images } = disks ?? skip(noDisk)
    const folder = join(bed.folder, 'images')
    const before = await readdir(folder)
    await images.fill(16 * 1024)
    const prompt = 'uploads that are half kept'
    expect(await uploadExtensions(bed.gateway.url, prompt)).toMatchObject(storageFull)
    await images.clear()
    expect(await readdir(folder)).toEqual(before)
    expect(bed.provider.calls.some((call) => call.prompt === prompt)).toBe(false)
  })
})

/** An image whose metadata are removed before it is kept. */
async function describedPhoto(): Promise<string> {
  const create = { width: 64, height: 64, channels: 3 as const, background: '#a40' }
  const photo = sharp({ create })
    .withExif({ IFD0: { Copyright: 'the owner of a desk' } })
    .jpeg()
  return (await photo.toBuffer()).toString('base64')
}

async function mountBelow({ folder, atClose }: TestBed, name: string): Promise<SmallDisk | null> {
  const disk = await mountSmallDisk(join(folder, name), 8)
  if (disk) atClose(disk.unmount)
  return disk
}

const storageFull = { code: 'UNAVAILABLE', reason: 'STORAGE_FULL' }

/** What a request with a small and a large file is refused with. */
async function uploadExtensions(url: string, prompt: string): Promise<Record<string, unknown> | undefined> {
  const query = 'mutation ($input: EditImageInput!) { editImage(input: $input) { id } }'
  const input = { image: [{ upload: null }, { upload: null }], prompt, model: 'paid/gpt-image-2' }
  const files = {
    'input.image.0.upload': await photoFile({ width: 64, height: 64 }),
    'input.image.1.upload': await photoFile({ width: 1600, height: 1200 }),
  }
  const response = await fetch(`${url}/graphql`, { method: 'POST', body: multipart(query, { input }, files) })
  const { errors } = (await response.json()) as { errors?: { extensions: Record<string, unknown> }[] }
  return errors?.[0]?.extensions
}
