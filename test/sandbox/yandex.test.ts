import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import type { FaultText } from '../../src/sandbox/faults.ts'
import type { Sandbox } from '../../src/sandbox/sandbox.ts'
import { openSandbox, postJson } from './sandbox-kit.ts'

const request = {
  modelUri: 'art://b1gfolder/yandex-art/latest',
  messages: [{ text: 'a fox in the snow', weight: '1' }],
  generationOptions: {
    mimeType: 'image/jpeg',
    seed: '1863',
    aspectRatio: { widthRatio: '2', heightRatio: '1' },
  },
}

interface Operation {
  id: string
  done: boolean
  response?: { image: string; modelVersion: string }
  error?: { code: number; message: string }
}

function submit(sandbox: Sandbox, body: object = request, headers = {}): Promise<Response> {
  return postJson(`${sandbox.url}/foundationModels/v1/imageGenerationAsync`, body, headers)
}

async function poll(sandbox: Sandbox, id: string): Promise<Operation> {
  return (await (await fetch(`${sandbox.url}/operations/${id}`)).json()) as Operation
}

async function draw(sandbox: Sandbox, body: object = request): Promise<Buffer> {
  const { id } = (await (await submit(sandbox, body)).json()) as Operation
  const { response } = await poll(sandbox, id)
  return Buffer.from(response?.image ?? '', 'base64')
}

describe('the asynchronous dialect', () => {
  it('answers an operation with null dates', async () => {
    const sandbox = await openSandbox({ newId: () => 'fbveu1sntj' })
    const response = await submit(sandbox)
    expect(await response.text()).toBe(
      '{"id":"fbveu1sntj","description":"","createdAt":null,"createdBy":"","modifiedAt":null,"done":false,"metadata":null}',
    )
    expect(sandbox.requests()).toMatchObject([
      { kind: 'generation', model: 'yandex-art', n: 1, paid: true, usage: null },
    ])
  })

  it('is done after so many look-ups, with a jpeg in the asked ratio', async () => {
    const sandbox = await openSandbox({ pendingPolls: 2 })
    const { id } = (await (await submit(sandbox)).json()) as Operation
    expect([(await poll(sandbox, id)).done, (await poll(sandbox, id)).done]).toEqual([false, false])
    const operation = await poll(sandbox, id)
    expect(operation).toMatchObject({ id, done: true, response: { modelVersion: '' } })
    const picture = await sharp(Buffer.from(operation.response?.image ?? '', 'base64')).metadata()
    expect(picture.format).toBe('jpeg')
    expect(picture.width / picture.height).toBeCloseTo(2, 1)
    expect(sandbox.counts()).toMatchObject({ requests: 1, paid: 1, polls: 3, images: 1 })
  })

  it('is not done before its time', async () => {
    let time = 0
    const sandbox = await openSandbox({ pendingPolls: 0, delayMs: 1000, now: () => time })
    const { id } = (await (await submit(sandbox)).json()) as Operation
    time = 2999
    expect((await poll(sandbox, id)).done).toBe(false)
    time = 3000
    expect((await poll(sandbox, id)).done).toBe(true)
  })

  it('draws the same for the same seed and another for another', async () => {
    const sandbox = await openSandbox({ pendingPolls: 0 })
    const first = await draw(sandbox)
    expect(await draw(sandbox)).toEqual(first)
    const options = { ...request.generationOptions, seed: '9223372036854775807' }
    expect(await draw(sandbox, { ...request, generationOptions: options })).not.toEqual(first)
  })

  it.each([
    ['a prompt of 501', { messages: [{ text: 'ж'.repeat(501) }] }],
    ['no message', { messages: [] }],
    ['an empty text', { messages: [{ text: ' ' }] }],
    ['another model address', { modelUri: 'yandex-art' }],
    ['an unknown field', { n: 2 }],
    ['png', { generationOptions: { mimeType: 'image/png' } }],
    ['a seed beyond int64', { generationOptions: { seed: '9223372036854775808' } }],
    ['a negative seed', { generationOptions: { seed: '-1' } }],
    ['a seed that lost its digits', { generationOptions: { seed: 2 ** 60 } }],
    ['a ratio of nothing', { generationOptions: { aspectRatio: { widthRatio: '0', heightRatio: '1' } } }],
  ])('refuses %s', async (_, change) => {
    const sandbox = await openSandbox()
    const response = await submit(sandbox, { ...request, ...change })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({
      code: 3,
      message: expect.any(String),
      details: [{ '@type': 'type.googleapis.com/google.rpc.RequestInfo' }],
    })
    expect(sandbox.requests()).toMatchObject([{ paid: false, status: 400 }])
  })

  it('takes int64 as numbers and a prompt of 500', async () => {
    const sandbox = await openSandbox()
    const generationOptions = { seed: 7, aspectRatio: { widthRatio: 1, heightRatio: 2 } }
    const body = { ...request, messages: [{ text: '🦊'.repeat(500) }], generationOptions }
    expect((await submit(sandbox, body)).status).toBe(200)
  })

  it('does not know foreign operations, nor its own after three days', async () => {
    let time = 0
    const sandbox = await openSandbox({ now: () => time, pendingPolls: 0 })
    expect(await poll(sandbox, 'nobody')).toMatchObject({ code: 5 })
    const { id } = (await (await submit(sandbox)).json()) as Operation
    time = 3 * 24 * 60 * 60 * 1000
    expect(await poll(sandbox, id)).toMatchObject({ code: 5 })
  })

  it.each([
    ['429', 429, 8],
    ['429-quota', 429, 8],
    ['500', 500, 13],
    ['503', 503, 14],
    ['moderation', 400, 3],
  ] as [FaultText, number, number][])('answers %s as a status', async (fault, status, code) => {
    const sandbox = await openSandbox()
    sandbox.misbehave(fault)
    const response = await submit(sandbox)
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ code })
    expect(sandbox.requests()).toMatchObject([{ paid: false, fault }])
  })

  it('fails an operation whose picture was blocked', async () => {
    const sandbox = await openSandbox({ pendingPolls: 0 })
    sandbox.misbehave('moderation-output')
    const { id } = (await (await submit(sandbox)).json()) as Operation
    const operation = await poll(sandbox, id)
    expect(operation).toMatchObject({ done: true, error: { code: 3 } })
    expect(operation.response).toBeUndefined()
  })

  it('can spoil a look-up alone', async () => {
    const sandbox = await openSandbox({ pendingPolls: 0 })
    sandbox.misbehave('503', { path: '/operations/' })
    const { id } = (await (await submit(sandbox)).json()) as Operation
    expect(await poll(sandbox, id)).toMatchObject({ code: 14 })
    expect(await poll(sandbox, id)).toMatchObject({ done: true })
  })

  it.each(['Api-Key secret', 'Bearer secret'])('lets %s in', async (authorization) => {
    const sandbox = await openSandbox({ apiKey: 'secret' })
    expect((await submit(sandbox, request, { authorization })).status).toBe(200)
    const response = await submit(sandbox, request, { authorization: `${authorization}x` })
    expect(response.status).toBe(401)
    expect(await response.json()).toMatchObject({ code: 16 })
  })
})

describe('the narrowed dialect', () => {
  const body = { model: 'art://b1gfolder/aliceai-image-art-3.0', prompt: 'a fox', size: '16x9' }

  it('reads the size as a ratio and answers a jpeg', async () => {
    const sandbox = await openSandbox()
    const response = await postJson(`${sandbox.url}/yandex/v1/images/generations`, body)
    const { data } = (await response.json()) as { data: { b64_json: string }[] }
    const picture = await sharp(Buffer.from(data[0]?.b64_json ?? '', 'base64')).metadata()
    expect(picture.format).toBe('jpeg')
    expect(picture.width / picture.height).toBeCloseTo(16 / 9, 1)
  })

  it('refuses what is not supported there', async () => {
    const sandbox = await openSandbox()
    const response = await postJson(`${sandbox.url}/yandex/v1/images/generations`, { ...body, n: 1 })
    expect(await response.json()).toMatchObject({ error: { code: 'unknown_parameter', param: 'n' } })
  })
})
