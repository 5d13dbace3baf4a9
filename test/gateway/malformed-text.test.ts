import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { multipart } from '../kit/client/graphql-client.ts'
import { startTestGateway, type TestGateway } from '../kit/gateway/test-gateway.ts'
import { photoFile } from '../kit/photo.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startTestGateway()
})
afterAll(() => gateway[Symbol.asyncDispose]())

const generate = 'mutation ($input: GenerateImageInput!) { generateImage(input: $input) { id } }'
const range = 'from: "2020-01-01T00:00:00Z", to: "2100-01-01T00:00:00Z"'

const post = async (query: string, variables: object = {}) => {
  const { errors } = await gateway.graphql(query, variables)
  return errors?.map(({ extensions }) => extensions)
}
const refusal = (field: string) => [
  expect.objectContaining({ code: 'BAD_USER_INPUT', reason: 'TEXT_MALFORMED', field }),
]

describe('U+0000 and half a surrogate pair are refused with the place they stand at', () => {
  test.each([
    ['input.prompt', { prompt: 'a\0b' }],
    ['input.prompt', { prompt: 'a\ud800' }],
    ['input.user', { prompt: 'x', user: '\0' }],
    ['input.model', { prompt: 'x', model: 'a\0' }],
    ['input.mimeType', { prompt: 'x', mimeType: '\udc00' }],
    ['input.requestId', { prompt: 'x', requestId: '\0' }],
    ['input.messages.1.text', { messages: [{ text: 'x' }, { text: '\0' }] }],
  ])('%s of a mutation', async (field, input) => {
    expect(await post(generate, { input })).toEqual(refusal(field))
  })

  test('in a text that is written into the document', async () => {
    const query = String.raw`mutation { generateImage(input: { prompt: "a\u0000b" }) { id } }`
    expect(await post(query)).toEqual(refusal('input.prompt'))
  })

  test('in a filter of a query, be it a variable or not', async () => {
    const literal = String.raw`{ usage(${range}, filter: { endUser: "\u0000" }) { total { images } } }`
    expect(await post(literal)).toEqual(refusal('filter.endUser'))
    const query = `query ($filter: UsageFilter) { usage(${range}, filter: $filter) { total { images } } }`
    expect(await post(query, { filter: { model: '\0' } })).toEqual(refusal('filter.model'))
  })

  test('in an id, a cursor and a name', async () => {
    expect(await post('query ($id: ID!) { node(id: $id) { id } }', { id: '\0' })).toEqual(refusal('id'))
    const page = 'query ($after: String) { operations(first: 1, after: $after) { edges { cursor } } }'
    expect(await post(page, { after: '\0' })).toEqual(refusal('after'))
    const create = 'mutation ($input: CreateUserInput!) { createUser(input: $input) { id } }'
    expect(await post(create, { input: { name: 'a\0', role: 'MEMBER' } })).toEqual(refusal('input.name'))
  })

  test('in a parameter of the usage file', async () => {
    const query = 'from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z&endUser=%00'
    const response = await fetch(`${gateway.url}/usage.csv?${query}`)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { field: 'endUser' } }] })
  })
})

test('a cursor that hides U+0000 is no cursor, and an id that does is no id', async () => {
  const hidden = Buffer.from('GPC:S:\0').toString('base64')
  const page = 'query ($after: String) { operations(first: 1, after: $after) { edges { cursor } } }'
  expect(await post(page, { after: hidden })).toMatchObject([{ code: 'BAD_USER_INPUT', field: 'after' }])
  const node = 'query ($id: ID!) { node(id: $id) { id } }'
  expect(await post(node, { id: Buffer.from('Image:\0').toString('base64url') })).toMatchObject([
    { reason: 'ID_MALFORMED' },
  ])
})

test('a file whose name has U+0000 is a malformed request', async () => {
  const document = 'mutation ($input: EditImageInput!) { editImage(input: $input) { status } }'
  const input = { prompt: 'x', image: [{ upload: null }], quality: 'LOW' }
  const form = multipart(document, { input }, {})
  form.set('map', '{ "0": ["variables.input.image.0.upload"] }')
  form.set('0', new File([await photoFile()], 'a\0b.png'))
  const response = await fetch(`${gateway.url}/graphql`, { method: 'POST', body: form })
  expect(response.status).toBe(400)
  expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] })
})
