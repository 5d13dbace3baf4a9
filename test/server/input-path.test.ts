import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { field, send, storeOne } from './multipart-kit.ts'
import { openToyGateway, type ToyGateway } from './toy-gateway.ts'

let toy: ToyGateway
beforeAll(async () => {
  toy = await openToyGateway()
})
afterAll(() => toy[Symbol.asyncDispose]())

interface Answer {
  errors?: { extensions: Record<string, unknown> }[]
}

const post = async (body: object) => {
  const response = await toy.post(body, { accept: 'application/graphql-response+json' })
  return { status: response.status, body: (await response.json()) as Answer }
}

describe('the field that an error names', () => {
  const long = 'x'.repeat(90_000)
  const fieldsOf = ({ body }: { body: Answer }) => body.errors?.map(({ extensions }) => extensions.field)
  const cut = (start: string) => `${start.padEnd(255, 'x')}…`

  it('is cut at 256 characters: a key of the variables', async () => {
    const answer = await post({ query: '{ viewer }', variables: { a: { [long]: '\0' } } })
    expect(fieldsOf(answer)).toEqual([cut('a.')])
  })

  it('is cut at 256 characters: an argument of the document', async () => {
    expect(fieldsOf(await post({ query: `{ hello(${long}: "\\u0000") }` }))).toEqual([cut('')])
    expect(fieldsOf(await post({ query: `{ hello(${long}: 1) }` }))).toEqual([cut('')])
  })

  it('is cut at 256 characters: a key that an input does not know', async () => {
    const query = 'mutation ($input: EditInput!) { edit(input: $input) }'
    const answer = await post({ query, variables: { input: { prompt: 'x', [long]: 1 } } })
    expect(answer.status).toBe(400)
    expect(fieldsOf(answer)).toEqual([cut('input.')])
  })

  it('is cut at 256 characters: a place of a file', async () => {
    const operations = { ...storeOne, variables: { [long]: null } }
    const answer = await send(toy.url, [
      field('operations', operations),
      field('map', { a: [`variables.${long}`] }),
    ])
    expect(fieldsOf(answer)).toEqual([cut('')])
  })
})

it('thousands of wrong items are told by the first twenty, as faults of the client', async () => {
  const query = 'mutation ($input: EditInput!) { edit(input: $input) }'
  const answer = await post({ query, variables: { input: { prompt: 'x', image: Array(4_900).fill(1) } } })
  expect(answer.status).toBe(400)
  expect(answer.body.errors).toHaveLength(20)
  for (const [index, { extensions }] of answer.body.errors?.entries() ?? []) {
    expect(extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: `input.image.${index}` })
  }
})
