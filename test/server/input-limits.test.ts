import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeParts, field, file, send, storeOne } from './multipart-kit.ts'
import { openToyGateway, type ToyGateway } from './toy-gateway.ts'

let toy: ToyGateway
beforeAll(async () => {
  toy = await openToyGateway()
})
afterAll(() => toy[Symbol.asyncDispose]())

interface Answer {
  data?: unknown
  errors?: { message: string; extensions: Record<string, unknown> }[]
}

const accept = { accept: 'application/graphql-response+json' }
const read = async (response: Response) => ({
  status: response.status,
  body: (await response.json()) as Answer,
})
const post = async (body: object) => read(await toy.post(body, accept))
const postText = async (body: string) =>
  read(
    await fetch(`${toy.url}/graphql`, {
      method: 'POST',
      headers: { authorization: 'Bearer ann', 'content-type': 'application/json', ...accept },
      body,
    }),
  )
const refusal = (reason: string, more: object) => ({
  status: 400,
  body: { errors: [{ extensions: { code: 'BAD_USER_INPUT', reason, ...more } }] },
})

/** JSON of lists within each other, with a value at the bottom. */
const nested = (depth: number, bottom = '1') => `${'['.repeat(depth)}${bottom}${']'.repeat(depth)}`
const many = (count: number) => `[${Array.from({ length: count }, () => '1').join()}]`

describe('the depth of what comes beside a document', () => {
  it('is 32 in a JSON body', async () => {
    // The body and its variables are two of them.
    const body = (depth: number) => `{"query":"{viewer}","variables":{"a":${nested(depth)}}}`
    expect(await postText(body(30))).toEqual({ status: 200, body: { data: { viewer: 'ann' } } })
    expect(await postText(body(31))).toMatchObject(refusal('JSON_TOO_DEEP', { allowed: 32, actual: 33 }))
  })

  it('is refused in a moment in a body of a megabyte that hides U+0000 at its bottom', async () => {
    const body = `{"query":"{viewer}","variables":{"a":${nested(490_000, '"\\u0000"')}}}`
    const { body: answer, ...rest } = await postText(body)
    expect({ body: answer, ...rest }).toMatchObject(refusal('JSON_TOO_DEEP', { actual: 490_002 }))
    expect(JSON.stringify(answer).length).toBeLessThan(1_000)
  })

  it.each(['variables', 'extensions'])('is 32 in the parameter %s of an address', async (name) => {
    const get = async (depth: number) => {
      const search = new URLSearchParams({ query: '{viewer}', [name]: `{"a":${nested(depth)}}` })
      const headers = { authorization: 'Bearer ann', ...accept }
      return read(await fetch(`${toy.url}/graphql?${search}`, { headers }))
    }
    expect(await get(31)).toMatchObject({ status: 200 })
    expect(await get(32)).toMatchObject(refusal('JSON_TOO_DEEP', { allowed: 32, actual: 33 }))
  })

  it('is 32 in the fields of a multipart request', async () => {
    const withOperations = (depth: number) => {
      const operations = JSON.stringify({ ...storeOne, variables: { file: null, deep: 0 } })
      return send(toy.url, [
        field('operations', operations.replace('"deep":0', `"deep":${nested(depth)}`)),
        field('map', { a: ['variables.file'] }),
        file('a', 'x'),
      ])
    }
    expect(await withOperations(30)).toMatchObject({ status: 200 })
    expect(await withOperations(31)).toMatchObject(refusal('JSON_TOO_DEEP', { allowed: 32 }))
    const map = [field('operations', storeOne), field('map', `{"a":${nested(32)}}`), file('a', 'x')]
    expect(await send(toy.url, map)).toMatchObject(refusal('JSON_TOO_DEEP', { allowed: 32 }))
    expect(await toy.files()).toEqual([])
  })
})

describe('the number of values beside a document', () => {
  it('is 5,000 in a JSON body and in a multipart field', async () => {
    // The body, the query, the variables and the list itself are four.
    const body = (count: number) => `{"query":"{viewer}","variables":{"a":${many(count)}}}`
    expect(await postText(body(4_996))).toMatchObject({ status: 200 })
    expect(await postText(body(4_997))).toMatchObject(
      refusal('JSON_TOO_MANY_VALUES', { allowed: 5_000, actual: 5_001 }),
    )
    expect(await send(toy.url, encodeParts([field('operations', body(4_997))]))).toMatchObject(
      refusal('JSON_TOO_MANY_VALUES', { allowed: 5_000 }),
    )
  })
})

describe('the depth of a document', () => {
  it.each([
    ['lists', (depth: number) => `{ hello(name: ${nested(depth)}) }`],
    ['objects', (depth: number) => `{ hello(name: ${'{a:'.repeat(depth)}1${'}'.repeat(depth)}) }`],
    ['a default', (depth: number) => `query ($a: Int = ${nested(depth)}) { hello(name: $a) }`],
    ['a type', (depth: number) => `query ($a: ${nested(depth, 'Int')}) { hello(name: $a) }`],
    ['a directive', (depth: number) => `{ hello @x(y: ${nested(depth)}) }`],
  ])('is 32 in a value: %s', async (_, write) => {
    const { body } = await post({ query: write(32) })
    expect(body.errors?.some(({ extensions }) => 'reason' in extensions)).toBe(false)
    for (const depth of [33, 2_400]) {
      expect(await post({ query: write(depth) })).toMatchObject(
        refusal('LITERAL_TOO_DEEP', { allowed: 32, actual: 33 }),
      )
    }
  })

  it('is 64 in selection sets, inline fragments included', async () => {
    const query = (depth: number) => `${'{ ... '.repeat(depth - 1)}{ viewer }${'}'.repeat(depth - 1)}`
    expect(await post({ query: query(64) })).toEqual({ status: 200, body: { data: { viewer: 'ann' } } })
    expect(await post({ query: query(65) })).toMatchObject(refusal('TOO_DEEP', { allowed: 64, actual: 65 }))
    expect(await post({ query: query(1_600) })).toMatchObject(refusal('TOO_DEEP', { allowed: 64 }))
  })

  it('does not count brackets of texts and comments, nor those that are closed', async () => {
    const texts = `# ${'['.repeat(99)}\n{ a: hello(name: "${'{'.repeat(99)}") b: hello(name: """${'['.repeat(99)}""")`
    const closed = Array.from({ length: 40 }, () => '... { ... @include(if: true) { viewer } }').join(' ')
    expect(await post({ query: `${texts} ${closed} }` })).toMatchObject({ status: 200 })
  })
})
