import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { multipart, startTestGateway, type TestGateway } from '../kit/gateway.ts'
import { photoFile } from '../kit/photo.ts'
import { canaries, checkInvariants } from './invariants.ts'
import { type PaidProvider, startPaidProvider, usage } from './paid-provider.ts'
import { accepted, ended, generate, lookInto, makeFolder, readOperation, removeFolder } from './scene.ts'
import { mountSmallDisk, type SmallDisk } from './small-disk.ts'
import { until } from './until.ts'

let provider: PaidProvider
let gateway: TestGateway
let folder: string
/** Under both the staged files and the kept images, or null. */
let disks: { staging: SmallDisk; images: SmallDisk } | null = null

beforeAll(async () => {
  provider = await startPaidProvider()
  folder = await makeFolder()
  const images = await mountSmallDisk(join(folder, 'images'), 8)
  const staging = images && (await mountSmallDisk(join(folder, 'staging'), 8))
  if (images && staging) disks = { images, staging }
  gateway = await startTestGateway({
    folder,
    file: `
providers: [{ name: paid, preset: openai, apiKey: ${canaries[0]}, baseUrl: "${provider.url}/v1", models: [gpt-image-2] }]
limits: { leaseMs: 1000 }`,
  })
})

afterAll(async () => {
  await disks?.images.unmount()
  await disks?.staging.unmount()
  await provider.close()
  await removeFolder(folder)
})
// Runs before the one above, which then runs whatever is found here.
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  const output = gateway.logged.map((line) => JSON.stringify(line))
  await lookInto({ folder }, ({ prisma }) => checkInvariants({ prisma, provider, folders: [folder], output }))
})

const client = () => gateway as unknown as Parameters<typeof ended>[0]

/** Resolves once an operation could not go on and was put off. */
async function putOff(times: number): Promise<void> {
  const isPutOff = (line: Record<string, unknown>) => line.msg === 'an operation cannot go on: putting it off'
  await until(() => gateway.logged.filter(isPutOff).length >= times)
}

describe('a disk that takes nothing', () => {
  test('SYS-02: keeps a paid reply until there is room for its image, and charges it once', async () => {
    const images = join(folder, 'images')
    const prompt = 'a shelf that is full'
    if (disks) await disks.images.fill()
    else {
      await rename(images, `${images}.away`).catch(() => {})
      await writeFile(images, 'not a folder')
    }
    const id = await accepted(client(), { prompt })
    await putOff(1)
    expect(await readOperation(client(), id)).toMatchObject({ status: 'RUNNING', done: false })
    if (disks) await disks.images.clear()
    else {
      await rm(images)
      await rename(`${images}.away`, images).catch(() => {})
    }
    const operation = await ended(client(), id)
    expect(operation).toMatchObject({
      status: 'SUCCEEDED',
      response: { usage: { totalTokens: usage.total_tokens } },
    })
    expect(provider.paidFor(prompt)).toBe(1)
  })

  test('SYS-02: nor is a paid reply lost when there is no room to look at its image', async ({ skip }) => {
    if (!disks) return skip()
    const prompt = 'a desk that is full'
    await disks.staging.fill()
    const before = gateway.logged.length
    const id = await accepted(client(), { prompt })
    await putOff(2)
    await disks.staging.clear()
    expect(await ended(client(), id)).toMatchObject({ status: 'SUCCEEDED' })
    expect(provider.paidFor(prompt)).toBe(1)
    expect(gateway.logged.length).toBeGreaterThan(before)
  })

  test('SYS-01: refuses an upload it has no room for, removes what came of it, and serves everybody else', async ({
    skip,
  }) => {
    if (!disks) return skip()
    await disks.staging.fill()
    const query = 'mutation ($input: EditImageInput!) { editImage(input: $input) { id } }'
    const input = { image: [{ upload: null }], prompt: 'an upload too many', model: 'paid/gpt-image-2' }
    const upload = await photoFile({ width: 1600, height: 1200 })
    const response = await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      body: multipart(query, { input }, { 'input.image.0.upload': upload }),
    })
    const { errors } = (await response.json()) as { errors: { extensions: Record<string, unknown> }[] }
    expect(errors[0]?.extensions).toMatchObject({ code: 'UNAVAILABLE', reason: 'STORAGE_FULL' })
    await disks.staging.clear()
    const { data } = await generate(client(), { prompt: 'somebody else' })
    expect(await ended(client(), data.generateImage.id)).toMatchObject({ status: 'SUCCEEDED' })
    expect(provider.calls.some(({ prompt }) => prompt === 'an upload too many')).toBe(false)
  })
})
