import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { multipart } from '../kit/client/graphql-client.ts'
import { startTestGateway, type TestGateway } from '../kit/gateway/test-gateway.ts'
import { photoFile } from '../kit/photo.ts'

const limits = 'limits: { maxUploadBytes: 200000, maxRequestBytes: 500000 }'
const document = 'mutation ($input: EditImageInput!) { editImage(input: $input) { id status } }'
const input = { prompt: 'x', image: [{ upload: null }], quality: 'LOW' }

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startTestGateway({ file: limits })
})
afterAll(() => gateway[Symbol.asyncDispose]())

/** The temporary files of uploads; the folder is there once a first one has come. */
const temporaryFiles = () => readdir(join(gateway.folder, 'staging')).catch(() => [])

afterEach(async () => {
  await expect.poll(temporaryFiles).toEqual([])
})

async function post(form: FormData) {
  const response = await fetch(`${gateway.url}/graphql`, { method: 'POST', body: form })
  return { status: response.status, extensions: (await response.json()).errors?.[0]?.extensions }
}

describe('an upload', () => {
  test('over the limit of a file is refused as too large, naming the file', async () => {
    const form = multipart(document, { input }, { 'input.image.0.upload': new Blob([Buffer.alloc(200_001)]) })
    const { extensions } = await post(form)
    expect(extensions).toMatchObject({ code: 'PAYLOAD_TOO_LARGE', field: 'input.image.0' })
  })

  test('over the limit of a request is refused with 413', async () => {
    const form = multipart(document, { input }, { 'input.image.0.upload': await photoFile() })
    form.set('1', new Blob([Buffer.alloc(600_000)]))
    expect(await post(form)).toMatchObject({ status: 413, extensions: { code: 'PAYLOAD_TOO_LARGE' } })
  })

  test('that is announced and does not come is refused with 400', async () => {
    const form = multipart(document, { input }, { 'input.image.0.upload': await photoFile() })
    form.delete('0')
    expect(await post(form)).toMatchObject({
      status: 400,
      extensions: { code: 'BAD_USER_INPUT', reason: 'UPLOAD_MISSING' },
    })
  })

  test('that nobody announced is refused with 400', async () => {
    const form = multipart(document, { input }, { 'input.image.0.upload': await photoFile() })
    form.set('surplus', await photoFile())
    expect(await post(form)).toMatchObject({
      status: 400,
      extensions: { code: 'BAD_USER_INPUT', reason: 'UPLOAD_UNEXPECTED' },
    })
  })

  test('that comes twice is refused with 400', async () => {
    const form = multipart(document, { input }, { 'input.image.0.upload': await photoFile() })
    form.append('0', await photoFile())
    expect(await post(form)).toMatchObject({
      status: 400,
      extensions: { code: 'BAD_USER_INPUT', reason: 'UPLOAD_DUPLICATED' },
    })
  })

  test('that comes ahead of the map is refused with 400', async () => {
    const form = new FormData()
    form.set('0', await photoFile())
    form.set('operations', JSON.stringify({ query: document, variables: { input } }))
    form.set('map', '{"0":["variables.input.image.0.upload"]}')
    expect(await post(form)).toMatchObject({ status: 400, extensions: { code: 'BAD_USER_INPUT' } })
  })

  test('whose client disconnects half-way leaves nothing: no file, no operation', async () => {
    const { port } = new URL(gateway.url)
    const socket = connect(Number(port), '127.0.0.1')
    await once(socket, 'connect')
    const part = (name: string, text: string) =>
      `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${text}\r\n`
    socket.write(
      'POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 150000\r\n\r\n' +
        part('operations', JSON.stringify({ query: document, variables: { input } })) +
        part('map', '{"0":["variables.input.image.0.upload"]}') +
        '--b\r\nContent-Disposition: form-data; name="0"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n',
    )
    socket.write(Buffer.from(await (await photoFile()).arrayBuffer()))
    await expect.poll(temporaryFiles).toHaveLength(1)
    socket.destroy()
    await expect.poll(temporaryFiles).toEqual([])
    const { data } = await gateway.graphql<{ operations: { edges: unknown[] } }>(
      '{ operations { edges { cursor } } }',
    )
    expect(data.operations.edges).toEqual([])
  })
})
