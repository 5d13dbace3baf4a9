import { createClient } from 'graphql-sse'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bearer, type GuardedGateway, type Person, startGuardedGateway } from '../kit/gateway/accounts.ts'
import { photoFile, smallestSize } from '../kit/photo.ts'

const most = 20_000_000
let gateway: GuardedGateway
let eve: Person
beforeAll(async () => {
  gateway = await startGuardedGateway({ file: `limits: { documents: { maxBase64Bytes: ${most} } }` })
  eve = await gateway.invite('Eve')
})
afterAll(() => gateway[Symbol.asyncDispose]())

interface Shown {
  id: string
  byteSize: number
  b64Json: string
}

interface Edited {
  id: string
  input: { images: Shown[] }
  response: { data: Shown[] }
}

const document = `mutation ($input: EditImageInput!) { editImage(input: $input) {
  id input { images { id byteSize b64Json } } response { data { id byteSize b64Json } } } }`

const edit = async (input: object, file: Blob) => {
  const { data, errors } = await gateway.upload<{ editImage: Edited }>(
    document,
    { input: { prompt: 'x', image: [{ upload: null }], quality: 'LOW', size: smallestSize, ...input } },
    { 'input.image.0.upload': file },
    bearer(eve.key),
  )
  expect(errors).toBeUndefined()
  return data.editImage
}

/** Four megabytes that no format makes smaller. */
async function noiseFile(): Promise<Blob> {
  const noise = { type: 'gaussian', mean: 128, sigma: 60 } as const
  const picture = sharp({ create: { width: 1_200, height: 1_200, channels: 3, background: '#888', noise } })
  const bytes = await picture.png({ compressionLevel: 0 }).toBuffer()
  return new Blob([new Uint8Array(bytes)], { type: 'image/png' })
}

const sizesOf = (images: Shown[]) => images.map(({ b64Json }) => Buffer.from(b64Json, 'base64').length)
const told = (images: Shown[]) => images.map(({ byteSize }) => byteSize)

describe('images in base64', () => {
  test('are there for who asks for four at once', async () => {
    const { response, input } = await edit({ n: 4 }, await photoFile())
    expect(response.data).toHaveLength(4)
    expect(sizesOf(response.data)).toEqual(told(response.data))
    expect(sizesOf(input.images)).toEqual(told(input.images))
  })

  test('come whole over a stream that is read', async () => {
    const { id } = await edit({ partialImages: 2, stream: true }, await photoFile())
    const client = createClient({ url: `${gateway.url}/graphql/stream`, headers: bearer(eve.key) })
    const results = client.iterate<{ partialImages: { image: Shown; b64Json: string } }>({
      query: `subscription ($id: ID!) { partialImages(operationId: $id) {
        ... on PartialImageEvent { b64Json image { byteSize } }
        ... on ImageCompletedEvent { b64Json image { byteSize } } } }`,
      variables: { id },
    })
    const sizes = []
    for await (const { data } of results) {
      const { b64Json = '', image } = data?.partialImages ?? {}
      expect(Buffer.from(b64Json, 'base64').length).toBe(image?.byteSize)
      sizes.push(image?.byteSize)
    }
    expect(sizes).toHaveLength(3)
    client.dispose()
  })

  test('are no more bytes than a document may ask for, however often one image is named', async () => {
    const { input } = await edit({}, await noiseFile())
    const { id = '', byteSize = 0 } = input.images[0] ?? {}
    const names = Array.from({ length: 30 }, (_, index) => `a${index}`)
    const query = `query ($id: ID!) { ${names.map((name) => `${name}: node(id: $id) { ... on Image { b64Json } }`).join(' ')} }`
    const { data, errors = [] } = await gateway.graphql<Record<string, { b64Json: string } | null>>(
      query,
      { id },
      bearer(eve.key),
    )
    const shown = Object.values(data).filter((image) => image !== null)
    expect(shown).toHaveLength(Math.min(names.length, Math.floor(most / byteSize)))
    expect(errors).toHaveLength(names.length - shown.length)
    expect(errors.length).toBeGreaterThan(0)
    for (const { extensions } of errors) {
      expect(extensions).toMatchObject({
        reason: 'BASE64_TOO_LONG',
        hint: 'USE_URL',
        allowed: { maxBytes: most },
      })
    }
  })
})
