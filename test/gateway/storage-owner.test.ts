import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestGateway } from '../kit/gateway/test-gateway.ts'
import { startS3Server } from '../kit/storage/s3-server.ts'
import { makeFolder, removeFolder } from '../kit/temporary-folder.ts'
import { until } from '../kit/until.ts'

/*
 * A gateway whose bucket belongs to another database does not start.
 */

let server: Awaited<ReturnType<typeof startS3Server>>
let folder: string
const before = { ...process.env }

beforeAll(async () => {
  server = await startS3Server('pictures')
  folder = await makeFolder()
  // Where the AWS tools look.
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' })
})
afterAll(async () => {
  process.env = before
  await server.close()
  await removeFolder(folder)
})

const bucket = (prefix = '', endpoint = server.endpoint) => ({
  EASEL_STORAGE: `s3://pictures${prefix}?endpoint=${encodeURIComponent(endpoint)}&region=eu`,
})

test('two databases share a bucket by prefix only', async () => {
  const first = await startTestGateway({ env: bucket() })
  await expect(startTestGateway({ env: bucket() })).rejects.toMatchObject({
    name: 'EaselError',
    details: { reason: 'STORAGE_OWNED_BY_ANOTHER' },
  })
  const second = await startTestGateway({ env: bucket('/second') })
  await first[Symbol.asyncDispose]()
  await second[Symbol.asyncDispose]()
  expect([...server.objects.keys()].sort()).toEqual(['easel-owner.json', 'second/easel-owner.json'])
})

test('a folder that has images of another database is used, and they are left alone', async () => {
  await (await startTestGateway({ folder })).close()
  const mark = join(folder, 'images', 'easel-owner.json')
  const written = await readFile(mark, 'utf8')
  await rm(join(folder, 'postgres'), { recursive: true })
  await using gateway = await startTestGateway({ folder })
  const messages = () => gateway.logged.map(({ msg }) => msg)
  expect(messages()).toContain('the folder of images has some of another database: nothing is swept there')
  await until(() => messages().includes('removed files that nobody needs'))
  expect(messages()).not.toContain('swept the storage of images')
  expect(await readFile(mark, 'utf8')).toBe(written)
})

test('a storage that is away does not end the start', async () => {
  await using gateway = await startTestGateway({ env: bucket('/third', 'http://127.0.0.1:9') })
  expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200)
  const said = gateway.logged.map(({ msg }) => msg)
  expect(said).toContain('the storage of images cannot be reached: whose it is was not checked')
})
