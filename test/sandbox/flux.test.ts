import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import type { FaultText } from '../../src/sandbox/faults.ts'
import type { Sandbox } from '../../src/sandbox/sandbox.ts'
import { makePhoto, openSandbox, postJson, readPixels } from './sandbox-kit.ts'

interface Task {
  id: string
  polling_url: string
  status: string
  cost?: number
  result: { sample: string; seed: number } | null
  details: unknown
}

const request = { prompt: 'a fox in the snow', width: 320, height: 192, seed: 7 }

function submit(sandbox: Sandbox, body: object = request, headers = {}): Promise<Response> {
  return postJson(`${sandbox.url}/v1/flux-2-pro`, body, headers)
}

async function taken(sandbox: Sandbox, body: object = request): Promise<Task> {
  const response = await submit(sandbox, body)
  expect(response.status).toBe(200)
  return (await response.json()) as Task
}

async function poll({ polling_url: url }: Task): Promise<Task> {
  return (await (await fetch(url)).json()) as Task
}

async function draw(sandbox: Sandbox, body: object = request): Promise<Buffer> {
  const { result } = await poll(await taken(sandbox, body))
  return Buffer.from(await (await fetch(result?.sample ?? '')).arrayBuffer())
}

describe('the tasks of FLUX', () => {
  test('are asked for at the address they were given, until the image lies at another one', async () => {
    const sandbox = await openSandbox({ pendingPolls: 1 })
    const task = await taken(sandbox)
    expect(task).toEqual({ id: task.id, polling_url: `${sandbox.url}/v1/get_result?id=${task.id}`, cost: 3 })
    expect(await poll(task)).toMatchObject({ id: task.id, status: 'Pending', result: null })
    const { status, result, cost } = await poll(task)
    expect({ status, cost }).toEqual({ status: 'Ready', cost: 3 })
    const image = await fetch(result?.sample ?? '')
    expect(image.headers.get('content-type')).toBe('image/jpeg')
    const picture = await sharp(Buffer.from(await image.arrayBuffer())).metadata()
    expect(picture).toMatchObject({ format: 'jpeg', width: 320, height: 192 })
    expect(sandbox.counts()).toMatchObject({ requests: 1, paid: 1, polls: 2, images: 1 })
  })

  test('draw the same for the same seed, in the asked format, and from the images that were sent', async () => {
    const sandbox = await openSandbox({ pendingPolls: 0 })
    const png = { ...request, output_format: 'png' }
    const first = await draw(sandbox, png)
    expect((await sharp(first).metadata()).format).toBe('png')
    expect(await draw(sandbox, png)).toEqual(first)
    expect(await draw(sandbox, { ...png, seed: 8 })).not.toEqual(first)
    const photo = (await makePhoto(64, 64)).toString('base64')
    const edited = await draw(sandbox, { ...png, input_image: photo })
    expect(await readPixels(edited)).not.toEqual(await readPixels(first))
    expect(sandbox.requests().at(-1)).toMatchObject({ kind: 'edit', model: 'flux-2-pro', paid: true })
  })

  test.each([
    ['no prompt', { prompt: undefined }, 'prompt'],
    ['a side that is no multiple of 16', { width: 100 }, 'width'],
    ['more than four megapixels', { width: 4096, height: 2048 }, 'width'],
    ['another format', { output_format: 'webp' }, 'output_format'],
    ['an address as image', { input_image: 'https://example.com/a.png' }, 'input_image'],
    ['something that is no image', { input_image_3: 'AAAA' }, 'input_image'],
  ])('refuse %s', async (_, change, field) => {
    const sandbox = await openSandbox()
    const response = await submit(sandbox, { ...request, ...change })
    expect(response.status).toBe(422)
    expect(await response.json()).toMatchObject({ detail: [{ loc: ['body', field] }] })
    expect(sandbox.requests()).toMatchObject([{ paid: false, status: 422 }])
  })

  test.each([
    ['429', 429],
    ['429-quota', 402],
    ['500', 500],
    ['503', 503],
  ] as [FaultText, number][])('answer %s as a detail', async (fault, status) => {
    const sandbox = await openSandbox()
    sandbox.misbehave(fault)
    const response = await submit(sandbox)
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ detail: expect.any(String) })
    expect(sandbox.requests()).toMatchObject([{ paid: false, fault }])
  })

  test.each([
    ['moderation', 'Request Moderated', 0],
    ['moderation-output', 'Content Moderated', undefined],
  ] as [FaultText, string, number | undefined][])('end %s as %s', async (fault, status, cost) => {
    const sandbox = await openSandbox({ pendingPolls: 0 })
    sandbox.misbehave(fault)
    const task = await poll(await taken(sandbox))
    expect(task).toMatchObject({ status, details: { 'Moderation Reasons': ['Sandbox'] } })
    expect(task.cost).toBe(cost)
  })

  test('are not known under another id', async () => {
    const sandbox = await openSandbox()
    const response = await fetch(`${sandbox.url}/v1/get_result?id=nobody`)
    expect(response.status).toBe(404)
    expect(await response.json()).toEqual({ detail: 'Task not found' })
  })

  test('let in who has the key', async () => {
    const sandbox = await openSandbox({ apiKey: 'secret' })
    expect((await submit(sandbox, request, { 'x-key': 'secret' })).status).toBe(200)
    expect((await submit(sandbox, request, { 'x-key': 'another' })).status).toBe(403)
    expect((await submit(sandbox)).status).toBe(403)
  })
})
