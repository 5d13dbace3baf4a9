import { afterAll, beforeAll, expect, test } from 'vitest'
import { ended } from '../kit/client/operation-client.ts'
import {
  admin,
  bearer,
  type GuardedGateway,
  type Person,
  startGuardedGateway,
} from '../kit/gateway/accounts.ts'
import { photoFile } from '../kit/photo.ts'

const limit = 1_000_000
let gateway: GuardedGateway
let photo: Blob
beforeAll(async () => {
  gateway = await startGuardedGateway({ file: `limits: { images: { storedBytesPerUser: ${limit} } }` })
  photo = await photoFile({ width: 1500, height: 1000 })
})
afterAll(() => gateway[Symbol.asyncDispose]())

const document =
  'mutation ($input: EditImageInput!) { editImage(input: $input) { id status input { images { byteSize } } response { data { byteSize } } } }'

interface Sized {
  byteSize: number
}
interface Edited {
  editImage: { id: string; input: { images: Sized[] }; response: { data: Sized[] } } | null
}

const edit = ({ key }: Person, image: Blob = photo) => {
  const input = {
    prompt: 'a fox',
    image: { upload: null },
    model: 'sandbox/gpt-image-1',
    size: '1024x1024',
    quality: 'LOW',
  }
  return gateway.upload<Edited>(document, { input }, { 'input.image.upload': image }, bearer(key))
}

async function storageOf({ id, key }: Person): Promise<{ bytes: string; images: number; limit: string }> {
  const query = 'query ($id: ID!) { node(id: $id) { ... on User { storage { bytes images limit } } } }'
  interface Read {
    node: { storage: { bytes: string; images: number; limit: string } }
  }
  const { data } = await gateway.graphql<Read>(query, { id }, bearer(key))
  expect((await gateway.graphql<Read>(query, { id }, admin)).data).toEqual(data)
  return data.node.storage
}

test('what a user has is counted, bounds its uploads, and shrinks as operations are deleted; results are kept', async () => {
  const ann = await gateway.invite('Ann')
  expect(await storageOf(ann)).toEqual({ bytes: '0', images: 0, limit: `${limit}` })
  const ids: string[] = []
  let sum = 0
  let refusal: Record<string, unknown> | undefined
  while (!refusal) {
    const { data, errors } = await edit(ann)
    refusal = errors?.[0]?.extensions
    if (!data?.editImage) break
    const { id, input, response } = data.editImage
    ids.push(id)
    for (const { byteSize } of [...input.images, ...response.data]) sum += byteSize
    expect(await storageOf(ann)).toEqual({ bytes: `${sum}`, images: 2 * ids.length, limit: `${limit}` })
  }
  expect(refusal).toMatchObject({ code: 'PAYLOAD_TOO_LARGE', reason: 'USER_STORAGE_FULL', allowed: limit })
  expect(refusal?.actual).toBeGreaterThan(limit)
  expect((await storageOf(ann)).bytes).toBe(`${sum}`)

  // Paid work without uploads goes on.
  const { data } = await gateway.graphql<{ generateImage: { id: string } }>(
    'mutation { generateImage(input: { prompt: "a fox", model: "sandbox/gpt-image-1", size: "1024x1024" }) { id } }',
    {},
    bearer(ann.key),
  )
  const graphql: GuardedGateway['graphql'] = (query, variables) =>
    gateway.graphql(query, variables, bearer(ann.key))
  const { id } = data.generateImage
  expect(await ended({ url: gateway.url, graphql, headers: bearer(ann.key) }, id)).toMatchObject({
    status: 'SUCCEEDED',
  })

  for (const each of [...ids, id])
    await gateway.graphql(
      'mutation ($id: ID!) { deleteOperation(id: $id) { id } }',
      { id: each },
      bearer(ann.key),
    )
  expect(await storageOf(ann)).toMatchObject({ bytes: '0', images: 0 })
  expect((await edit(ann)).errors).toBeUndefined()
})
