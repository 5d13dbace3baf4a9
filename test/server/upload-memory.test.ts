import { once } from 'node:events'
import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isLong } from '../kit/limits.ts'
import { until } from '../kit/until.ts'
import { forkGateway, type MeasuredGateway, type Memory } from './measured-gateway.ts'
import { encodeParts, field, file, multipartHeaders } from './multipart-kit.ts'

let gateway: MeasuredGateway
beforeAll(async () => {
  gateway = await forkGateway()
})
afterAll(() => gateway[Symbol.asyncDispose]())

const megabyte = 2 ** 20
const piece = Buffer.alloc(megabyte, 'x')

/** Sends files of so many megabytes, one piece after the other, and holds none of them. */
async function upload(files: number, megabytes: number): Promise<string> {
  const names = Array.from({ length: files }, (_, i) => String(i))
  const variables = { files: names.map(() => null) }
  const query = 'mutation ($files: [Upload]) { storeAll(files: $files) { bytes } }'
  const map = Object.fromEntries(names.map((name) => [name, [`variables.files.${name}`]]))
  const outgoing = request({
    port: gateway.port,
    host: '127.0.0.1',
    path: '/graphql',
    method: 'POST',
    headers: multipartHeaders(),
  })
  const write = async (chunk: Buffer) => {
    if (!outgoing.write(chunk)) await once(outgoing, 'drain')
  }
  await write(encodeParts([field('operations', { query, variables }), field('map', map)], { isOpen: true }))
  for (const name of names) {
    const [head = '', tail = ''] = encodeParts([file(name, '|')], { isOpen: true })
      .toString()
      .split('|')
    await write(Buffer.from(head))
    for (let i = 0; i < megabytes; i += 1) await write(piece)
    await write(Buffer.from(tail))
  }
  outgoing.end('------toy-boundary--\r\n')
  const [response] = await once(outgoing, 'response')
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

describe('the memory of a gateway', () => {
  let before: Memory

  beforeAll(async () => {
    await upload(2, 5)
    before = await gateway.measure()
  })

  it('hardly grows with 16 files of 45 MB', async () => {
    const answer = await upload(16, 45)
    expect(answer.match(/"bytes":47185920/g)).toHaveLength(16)
    expect(((await gateway.measure()).peak - before.rss) / megabyte).toBeLessThan(150)
  })

  // Bytes that were held would be more than the limit in either form.
  const each = isLong ? 20 : 6

  it(`hardly grows with 64 requests of ${each} MB at once, and keeps no file of them`, async () => {
    const answers = await Promise.all(Array.from({ length: 64 }, () => upload(1, each)))
    expect(answers.every((text) => text.includes(`"bytes":${each * megabyte}`))).toBe(true)
    expect(((await gateway.measure()).peak - before.rss) / megabyte).toBeLessThan(200)
    await until(async () => (await gateway.measure()).files === 0)
  })
})
