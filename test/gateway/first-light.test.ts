import { createHash } from 'node:crypto'
import { createClient } from 'graphql-sse'
import sharp from 'sharp'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { startTestGateway, type TestGateway } from '../kit/gateway/test-gateway.ts'
import { maskFile, photoFile, smallestSize } from '../kit/photo.ts'

let gateway: TestGateway
beforeAll(async () => {
  // As somebody starts it who has installed nothing else.
  gateway = await startTestGateway({ databaseUrl: null })
})
afterEach(() => gateway.sandbox?.behave())
afterAll(() => gateway[Symbol.asyncDispose]())

const operationFields = `
  id kind status done description
  metadata { provider model stage attempts partialImages upstreamRequestIds }
  error { code status message reason retryable }
  input { prompt n images { id width height mimeType } mask { id } }
  response {
    created size quality outputFormat background
    data { id url mimeType width height byteSize sha256 thumbHash }
    usage { inputTokens outputTokens totalTokens estimated cost { amountMicros currency }
      inputTokensDetails { textTokens imageTokens } outputTokensDetails { textTokens imageTokens } }
  }`
const editDocument = `mutation Edit($input: EditImageInput!) { editImage(input: $input) { ${operationFields} } }`
const varyDocument = `mutation Vary($input: CreateVariationInput!) { createVariation(input: $input) { ${operationFields} } }`
const generateDocument = `mutation Generate($input: GenerateImageInput!) { generateImage(input: $input) { ${operationFields} } }`
const operationDocument = `query Operation($id: ID!) { operation(id: $id) { ${operationFields} } }`

interface Operation {
  id: string
  kind: string
  status: string
  done: boolean
  description: string
  metadata: { provider: string; model: string; stage: string; attempts: number; partialImages: number }
  error: { reason: string } | null
  input: {
    images: { id: string; width: number; height: number; mimeType: string }[]
    mask: { id: string } | null
  }
  response: {
    created: number
    data: {
      id: string
      url: string
      mimeType: string
      width: number
      height: number
      byteSize: number
      sha256: string
    }[]
    usage: { totalTokens: number; inputTokens: number; outputTokens: number }
  } | null
}

const edit = async (input: object, files: Record<string, Blob>) => {
  const { data, errors } = await gateway.upload<{ editImage: Operation }>(
    editDocument,
    { input: { size: smallestSize, ...input } },
    files,
  )
  expect(errors).toBeUndefined()
  return data.editImage
}

const generate = async (input: object) => {
  const { data } = await gateway.graphql<{ generateImage: Operation }>(generateDocument, { input })
  return data.generateImage
}

const vary = async (input: object) => {
  const { data, errors } = await gateway.upload<{ createVariation: Operation }>(
    varyDocument,
    { input: { image: { upload: null }, ...input } },
    { 'input.image.upload': await photoFile({ width: 64, height: 64 }) },
  )
  expect(errors).toBeUndefined()
  return data.createVariation
}

const streamClient = (singleConnection = false) =>
  createClient({ url: `${gateway.url}/graphql/stream`, singleConnection })

interface ImageEvent {
  partialImages: { __typename: string; sequence: number; type: string; image?: { id: string } }
}

const imagesDocument = `subscription Images($id: ID!, $after: Int) {
  partialImages(operationId: $id, after: $after) {
    __typename sequence type operationId
    ... on PartialImageEvent { partialImageIndex size image { id } }
    ... on ImageCompletedEvent { image { id sha256 } usage { totalTokens } }
    ... on ImageFailedEvent { error { reason } }
  }
}`

async function collectImages(id: string, after = 0, client = streamClient()) {
  const events: ImageEvent['partialImages'][] = []
  for await (const { data, errors } of client.iterate<ImageEvent>({
    query: imagesDocument,
    variables: { id, after },
  })) {
    expect(errors).toBeUndefined()
    if (data) events.push(data.partialImages)
  }
  client.dispose()
  return events
}

describe('editing a photo', () => {
  test('takes a file and a mask, waits, and answers with an image that a browser can show', async () => {
    const operation = await edit(
      { prompt: 'a red rose', image: [{ upload: null }], mask: { upload: null }, quality: 'LOW' },
      { 'input.image.0.upload': await photoFile(), 'input.mask.upload': await maskFile(300, 200) },
    )
    expect(operation).toMatchObject({
      kind: 'EDIT',
      status: 'SUCCEEDED',
      done: true,
      description: 'a red rose',
      error: null,
      metadata: { provider: 'sandbox', attempts: 1, stage: 'SUCCEEDED' },
      input: { prompt: 'a red rose', n: 1, images: [{ width: 300, height: 200, mimeType: 'image/png' }] },
      response: { quality: 'low', outputFormat: 'png', usage: { estimated: false } },
    })
    expect(operation.input.mask).not.toBeNull()
    const image = operation.response?.data[0]
    const response = await fetch(image?.url ?? '')
    const bytes = Buffer.from(await response.arrayBuffer())
    expect(response.headers.get('content-type')).toBe('image/png')
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(image?.sha256)
    expect(await sharp(bytes).metadata()).toMatchObject({
      format: 'png',
      width: image?.width,
      height: image?.height,
    })
  })

  test('takes a list of files in any order, and an earlier result by its id without another upload', async () => {
    const first = await edit(
      { prompt: 'both', image: [{ upload: null }, { upload: null }], quality: 'LOW' },
      {
        'input.image.1.upload': await photoFile({ format: 'webp' }),
        'input.image.0.upload': await photoFile({ format: 'jpeg' }),
      },
    )
    expect(first.input.images.map(({ mimeType }) => mimeType)).toEqual(['image/jpeg', 'image/webp'])
    const imageId = first.response?.data[0]?.id
    const { data } = await gateway.graphql<{ editImage: Operation }>(editDocument, {
      // A single value stands for a list of one.
      input: { prompt: 'again', image: { imageId }, quality: 'LOW' },
    })
    expect(data.editImage).toMatchObject({ status: 'SUCCEEDED', input: { images: [{ id: imageId }] } })
  })

  test('gives the type and the size from the bytes, whatever the name and the declared type say', async () => {
    const jpeg = await photoFile({ format: 'jpeg' })
    const operation = await edit(
      { prompt: 'x', image: [{ upload: null }], quality: 'LOW' },
      { 'input.image.0.upload': new Blob([jpeg], { type: 'text/html' }) },
    )
    expect(operation.input.images[0]).toMatchObject({ mimeType: 'image/jpeg', width: 300, height: 200 })
  })

  test.each([
    [
      'a file that is no image',
      { image: [{ upload: null }] },
      new Blob(['<svg/>']),
      'input.image.0',
      'IMAGE_TYPE_UNSUPPORTED',
    ],
    ['an empty file', { image: [{ upload: null }] }, new Blob([]), 'input.image.0', 'IMAGE_EMPTY'],
    [
      'a size the model does not have',
      { image: [{ upload: null }], size: '123x456' },
      null,
      'input.size',
      undefined,
    ],
    ['too many images', { image: [{ upload: null }], n: 11 }, null, 'input.n', undefined],
    [
      'partial images that nobody could watch',
      { image: [{ upload: null }], partialImages: 2 },
      null,
      'input.partialImages',
      undefined,
    ],
    [
      'an unknown model',
      { image: [{ upload: null }], model: 'nobody/nothing' },
      null,
      'input.model',
      undefined,
    ],
  ])('refuses %s before anything is sent', async (_, input, file, field, reason) => {
    const paid = gateway.sandbox?.counts().requests
    const { errors } = await gateway.upload(
      editDocument,
      { input: { prompt: 'x', ...input } },
      { 'input.image.0.upload': file ?? (await photoFile()) },
    )
    expect(errors?.[0]?.extensions).toMatchObject({ field, ...(reason && { reason }) })
    expect(['BAD_USER_INPUT', 'UNSUPPORTED_BY_MODEL']).toContain(errors?.[0]?.extensions.code)
    expect(gateway.sandbox?.counts().requests).toBe(paid)
  })

  test('refuses a mask of another size than the image', async () => {
    const { errors } = await gateway.upload(
      editDocument,
      { input: { prompt: 'x', image: [{ upload: null }], mask: { upload: null } } },
      { 'input.image.0.upload': await photoFile(), 'input.mask.upload': await maskFile(30, 20) },
    )
    expect(errors?.[0]?.extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      field: 'input.mask',
      hint: 'RESIZE',
    })
  })
})

describe('the other mutations', () => {
  test('generateImage answers at once, and the operation goes on', async () => {
    const operation = await generate({ prompt: 'a teapot', quality: 'LOW' })
    expect(operation).toMatchObject({ kind: 'GENERATE', done: false, response: null })
    await collectImages(operation.id)
    const later = await gateway.graphql<{ operation: Operation }>(operationDocument, { id: operation.id })
    expect(later.data.operation).toMatchObject({
      status: 'SUCCEEDED',
      response: { data: [{ mimeType: 'image/png' }] },
    })
  })

  test('createVariation varies a square PNG', async () => {
    const operation = await vary({ n: 2, size: '256x256' })
    expect(operation).toMatchObject({ kind: 'VARIATION', status: 'SUCCEEDED' })
    expect(operation.response?.data.map(({ width }) => width)).toEqual([256, 256])
  })

  test('a failed generation is data, not an error', async () => {
    gateway.sandbox?.misbehave('moderation')
    const { data, errors } = await gateway.upload<{ editImage: Operation }>(
      editDocument,
      { input: { prompt: 'x', image: [{ upload: null }] } },
      { 'input.image.0.upload': await photoFile() },
    )
    expect(errors).toBeUndefined()
    expect(data.editImage).toMatchObject({
      status: 'FAILED',
      done: true,
      response: null,
      error: { code: 3, status: 'INVALID_ARGUMENT', reason: 'CONTENT_REFUSED', retryable: false },
    })
  })

  test('cancelOperation ends a queued or running operation once', async () => {
    gateway.sandbox?.misbehave('hang')
    const { id } = await generate({ prompt: 'slow' })
    await gateway.sandbox?.until((requests) => requests.at(-1)?.outcome === 'pending')
    const cancel = `mutation Cancel($id: ID!) { cancelOperation(id: $id) { status done error { reason } } }`
    const first = await gateway.graphql<{ cancelOperation: Operation }>(cancel, { id })
    expect(first.data.cancelOperation).toEqual({
      status: 'CANCELLED',
      done: true,
      error: { reason: 'CANCELLED' },
    })
    const second = await gateway.graphql<{ cancelOperation: Operation }>(cancel, { id })
    expect(second.data.cancelOperation).toEqual(first.data.cancelOperation)
  })

  test('a client that leaves does not stop the work', async () => {
    gateway.sandbox?.misbehave('slow=300')
    const leaving = new AbortController()
    const form = new FormData()
    form.set(
      'operations',
      JSON.stringify({
        query: editDocument,
        variables: { input: { prompt: 'left behind', image: [{ upload: null }] } },
      }),
    )
    form.set('map', '{"a":["variables.input.image.0.upload"]}')
    form.set('a', await photoFile())
    const before = gateway.sandbox?.requests().length ?? 0
    const answer = fetch(`${gateway.url}/graphql`, { method: 'POST', body: form, signal: leaving.signal })
    await gateway.sandbox?.until((requests) => requests.length > before)
    leaving.abort()
    await expect(answer).rejects.toThrow()
    const { data } = await gateway.graphql<{ operations: { edges: { node: Operation }[] } }>(
      `{ operations(first: 1) { edges { node { ${operationFields} } } } }`,
    )
    const operation = data.operations.edges[0]?.node
    expect(operation?.description).toBe('left behind')
    await collectImages(operation?.id ?? '')
    const later = await gateway.graphql<{ operation: Operation }>(operationDocument, { id: operation?.id })
    expect(later.data.operation.status).toBe('SUCCEEDED')
  })
})

describe('the events of an operation', () => {
  const streamed = async (prompt: string) =>
    edit(
      { prompt, image: [{ upload: null }], partialImages: 3, stream: true, quality: 'LOW' },
      { 'input.image.0.upload': await photoFile() },
    )

  test('are the same whether one subscribes during or after, in distinct and in single-connection mode', async () => {
    const { id } = await streamed('three partial images')
    const during = await collectImages(id)
    expect(during.map(({ type }) => type)).toEqual([
      'image_edit.partial_image',
      'image_edit.partial_image',
      'image_edit.partial_image',
      'image_edit.completed',
    ])
    expect(await collectImages(id)).toEqual(during)
    expect(await collectImages(id, 0, streamClient(true))).toEqual(during)
    expect(await collectImages(id, during[1]?.sequence)).toEqual(during.slice(2))
    expect(await collectImages(id, 1_000)).toEqual([])
  })

  test('have one sequence from 1 without gaps, which operationStatus shows whole', async () => {
    const { id } = await streamed('a sequence')
    const client = streamClient()
    const seen: { sequence: number; status: string }[] = []
    const query = `subscription Status($id: ID!) { operationStatus(operationId: $id) { sequence status stage operation { id } } }`
    for await (const { data } of client.iterate<{ operationStatus: (typeof seen)[number] }>({
      query,
      variables: { id },
    })) {
      if (data) seen.push(data.operationStatus)
    }
    client.dispose()
    expect(seen.map(({ sequence }) => sequence)).toEqual(seen.map((_, index) => index + 1))
    expect(seen[0]?.status).toBe('QUEUED')
    expect(seen.filter(({ status }) => status === 'SUCCEEDED')).toHaveLength(1)
    expect(seen.at(-1)?.status).toBe('SUCCEEDED')
  })

  test('go on where they were after the connection was cut', async () => {
    const { id } = await streamed('cut in the middle')
    const client = streamClient()
    const cut = client.iterate<ImageEvent>({ query: imagesDocument, variables: { id, after: 0 } })
    const first = (await cut.next()).value?.data?.partialImages
    await cut.return?.()
    client.dispose()
    const rest = await collectImages(id, first?.sequence)
    const all = await collectImages(id)
    expect([first?.sequence, ...rest.map(({ sequence }) => sequence)]).toEqual(
      all.map(({ sequence }) => sequence),
    )
  })

  test('end with the failure when there is no image', async () => {
    gateway.sandbox?.misbehave('moderation')
    const { id } = await streamed('refused')
    const events = await collectImages(id)
    expect(events).toMatchObject([
      { __typename: 'ImageFailedEvent', type: 'image_edit.failed', error: { reason: 'CONTENT_REFUSED' } },
    ])
  })
})

describe('images', () => {
  test('come resized and in another format on request, and in base64 only when selected', async () => {
    const { response } = await edit(
      { prompt: 'small', image: [{ upload: null }], quality: 'LOW' },
      { 'input.image.0.upload': await photoFile() },
    )
    const { data } = await gateway.graphql<{ node: { url: string; b64Json: string } }>(
      '{ node(id: "ID") { ... on Image { url(width: 64, format: WEBP) b64Json } } }'.replace(
        'ID',
        response?.data[0]?.id ?? '',
      ),
    )
    const resized = Buffer.from(await (await fetch(data.node.url)).arrayBuffer())
    expect(await sharp(resized).metadata()).toMatchObject({ format: 'webp', width: 64 })
    expect(Buffer.from(data.node.b64Json, 'base64').length).toBe(response?.data[0]?.byteSize)
  })

  test('are shown to nobody whose address was changed', async () => {
    const { response } = await edit(
      { prompt: 'signed', image: [{ upload: null }], quality: 'LOW' },
      { 'input.image.0.upload': await photoFile() },
    )
    const url = response?.data[0]?.url ?? ''
    expect((await fetch(`${url}x`)).status).toBe(403)
    expect((await fetch(url.replace(/e=\d+/, 'e=99999999999'))).status).toBe(403)
    const part = await fetch(url, { headers: { range: 'bytes=0-9' } })
    expect([part.status, (await part.arrayBuffer()).byteLength]).toEqual([206, 10])
  })
})

describe('usage', () => {
  test('adds up to what the provider counted', async () => {
    await edit(
      { prompt: 'counted', image: [{ upload: null }], quality: 'LOW' },
      { 'input.image.0.upload': await photoFile() },
    )
    await collectImages((await generate({ prompt: 'counted too', quality: 'LOW' })).id)
    await vary({ size: '256x256' })
    const counted = (gateway.sandbox?.requests() ?? [])
      .filter(({ status, usage }) => status === 200 && usage)
      .reduce((sum, { usage }) => sum + (usage?.total_tokens ?? 0), 0)
    const { data } = await gateway.graphql<{
      usage: { total: { totalTokens: string }; rows: { kind: string }[] }
    }>(
      `{ usage(from: "2020-01-01T00:00:00Z", to: "2100-01-01T00:00:00Z", groupBy: [KIND, MODEL, DAY]) {
        total { totalTokens operations images cost { amountMicros currency } estimatedShare }
        rows { kind model start totalTokens user { id } } } }`,
    )
    expect(data.usage.rows.map(({ kind }) => kind).sort()).toEqual(['EDIT', 'GENERATE', 'VARIATION'])
    expect(Number(data.usage.total.totalTokens)).toBeGreaterThanOrEqual(counted)
    expect(counted).toBeGreaterThan(0)
  })
})
