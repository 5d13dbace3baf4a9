import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestGateway, type TestGateway } from '../kit/gateway/test-gateway.ts'
import { photoFile } from '../kit/photo.ts'

/** One limit of each group, low enough to be met. */
const file = `limits:
  requests: { maxJsonBytes: 2000 }
  documents: { maxDepth: 4, maxBreadth: 6 }
  streams: { reservationMs: 1 }
  images: { maxEdge: 100, urlSeconds: 60, maxUrlSeconds: 120 }
  providers: { maxReplyBytes: 1000 }
`

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startTestGateway({ file })
})
afterAll(() => gateway[Symbol.asyncDispose]())

const refusal = async (query: string, variables = {}) =>
  (await gateway.graphql(query, variables)).errors?.[0]?.extensions

test('a limit of requests holds as the file says', async () => {
  expect(await refusal('{ viewer { id } }', { text: 'x'.repeat(2_000) })).toMatchObject({
    code: 'PAYLOAD_TOO_LARGE',
  })
})

test('a limit of documents holds as the file says, whoever counts', async () => {
  expect(await refusal('{ __schema { types { fields { args { name } } } } }')).toMatchObject({
    reason: 'TOO_DEEP',
    allowed: 4,
  })
  expect(await refusal('{ models { a: id b: id c: id d: id e: id f: id } }')).toMatchObject({
    reason: 'DOCUMENT_TOO_COMPLEX',
    allowed: { breadth: 6 },
  })
})

test('a limit of images holds as the file says', async () => {
  const { errors } = await gateway.upload(
    'mutation ($input: EditImageInput!) { editImage(input: $input) { id } }',
    { input: { prompt: 'x', image: [{ upload: null }] } },
    { 'input.image.0.upload': await photoFile({ width: 128, height: 64 }) },
  )
  expect(errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'input.image.0' })
})

test('a limit of providers holds as the file says', async () => {
  const { data } = await gateway.upload<{ createVariation: { status: string; error: { reason: string } } }>(
    `mutation ($input: CreateVariationInput!) {
      createVariation(input: $input) { status error { reason } } }`,
    { input: { model: 'dall-e-2', image: { upload: null } } },
    { 'input.image.upload': await photoFile({ width: 64, height: 64 }) },
  )
  expect(data.createVariation).toMatchObject({
    status: 'FAILED',
    error: { reason: 'UPSTREAM_RESPONSE_TOO_LARGE' },
  })
})
