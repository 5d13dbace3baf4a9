import { createHash } from 'node:crypto'
import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client'
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries'
import { createClient } from 'graphql-sse'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { readDocumentList, type TrustedDocuments } from '../../src/server/graphql/trusted-documents.ts'
import { encodeParts, field, file, send, storeOne } from './multipart-kit.ts'
import { openToyGateway, type ToyGateway } from './toy-gateway.ts'

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const hello = 'query Hello { hello(name: "world") }'
const noop = 'mutation Noop { noop }'
const ticks = 'subscription Ticks { ticks }'
const listed = [hello, noop, ticks, storeOne.query]
const list = new Map(listed.map((text) => [sha256(text), text]))
const trust = (more: Partial<TrustedDocuments> = {}) =>
  openToyGateway({ trustedDocuments: { list, mode: 'enforce', registeredMutations: [], ...more } })

type Answer = { data?: unknown; errors?: { message: string; extensions: Record<string, unknown> }[] }
const read = async (response: Response) => (await response.json()) as Answer
const persisted = (text: string) => ({ persistedQuery: { version: 1, sha256Hash: sha256(text) } })
const notFound = {
  errors: [{ message: 'PersistedQueryNotFound', extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } }],
}
const refused = { errors: [{ extensions: { code: 'FORBIDDEN', reason: 'DOCUMENT_NOT_TRUSTED' } }] }

describe('a list of documents', () => {
  test('is read as GraphQL Code Generator writes it, and as Apollo does', () => {
    const map = Object.fromEntries(list)
    expect(readDocumentList(JSON.stringify(map))).toEqual(list)
    const operations = listed.map((body) => ({ id: sha256(body), name: 'x', type: 'query', body }))
    const manifest = { format: 'apollo-persisted-query-manifest', version: 1, operations }
    expect(readDocumentList(JSON.stringify(manifest))).toEqual(list)
  })

  test.each([
    ['[]', 'it must be an object of documents by their hashes'],
    ['{"a": 1}', 'it must be an object of documents by their hashes'],
    ['{"abc": "{ hello"}', 'the document abc is not GraphQL'],
    [
      '{"format": "other", "version": 1, "operations": []}',
      'its format must be apollo-persisted-query-manifest',
    ],
    ['{', 'JSON'],
  ])('says what is wrong with it: %s', (text, message) => {
    expect(() => readDocumentList(text)).toThrow(message)
  })
})

describe('a document on the list', () => {
  let toy: ToyGateway
  beforeAll(async () => {
    toy = await trust()
  })
  afterAll(() => toy[Symbol.asyncDispose]())

  const headers = { authorization: 'Bearer ann' }
  const get = (search: Record<string, string>, path = '/graphql') =>
    fetch(`${toy.url}${path}?${new URLSearchParams(search)}`, { headers })

  it.each([
    ['its text', { query: hello }],
    ['its hash', { extensions: persisted(hello) }],
    ['both', { query: hello, extensions: persisted(hello) }],
    ['its id', { documentId: sha256(hello) }],
    ['its id with the algorithm', { documentId: `sha256:${sha256(hello)}` }],
  ])('is run by %s', async (_, body) => {
    expect(await read(await toy.post(body))).toEqual({ data: { hello: 'hello world' } })
    const { extensions, ...rest } = body as Record<string, unknown>
    const search = { ...rest, ...(extensions ? { extensions: JSON.stringify(extensions) } : {}) }
    expect(await read(await get(search as Record<string, string>))).toEqual({
      data: { hello: 'hello world' },
    })
  })

  it('is run by its hash with files', async () => {
    const operations = { variables: { file: null }, extensions: persisted(storeOne.query) }
    const parts = [field('operations', operations), field('map', { a: ['variables.file'] }), file('a', 'x')]
    const { body } = await send(toy.url, encodeParts(parts))
    expect(body).toMatchObject({ data: { store: { sha256: sha256('x') } } })
  })

  it.each([false, true])(
    'is run by its hash on an event stream, with singleConnection: %s',
    async (singleConnection) => {
      const client = createClient({
        url: `${toy.url}/graphql/stream`,
        headers,
        singleConnection,
        retryAttempts: 0,
      })
      const ask = async (text: string) => {
        const results = client.iterate({ extensions: persisted(text) } as unknown as { query: string })
        return (await results.next()).value
      }
      expect(await ask(hello)).toEqual({ data: { hello: 'hello world' } })
      expect(await ask('{ key }')).toMatchObject(notFound)
      client.dispose()
    },
  )

  it('cannot be a mutation by GET', async () => {
    expect((await get({ documentId: sha256(noop) })).status).toBe(405)
  })

  it("is run by Apollo's link without its text ever being sent", async () => {
    const sent: string[] = []
    const note: typeof fetch = (input, init) => {
      sent.push(String(init?.body))
      return fetch(input, init)
    }
    const link = new PersistedQueryLink({ generateHash: () => sha256(hello) }).concat(
      new HttpLink({ uri: `${toy.url}/graphql`, headers, fetch: note }),
    )
    const client = new ApolloClient({ cache: new InMemoryCache(), link })
    const { data } = await client.query({ query: gql(hello), fetchPolicy: 'no-cache' })
    expect(data).toEqual({ hello: 'hello world' })
    expect(sent.map((body) => body.includes('"query"'))).toEqual([false])
    client.stop()
  })
})

describe('a document that is not on the list', () => {
  it('is not found by its hash, in the words that clients know and with a status that they read', async () => {
    await using toy = await trust()
    for (const body of [
      { extensions: persisted('{ key }') },
      { documentId: 'x' },
      { documentId: '__proto__' },
    ]) {
      const response = await toy.post(body)
      expect(response.status).toBe(200)
      expect(await read(response)).toMatchObject(notFound)
    }
    for (const documentId of [1, '', {}]) {
      expect(await read(await toy.post({ documentId }))).toMatchObject({
        errors: [{ extensions: { reason: 'GRAPHQL_REQUEST_INVALID' } }],
      })
    }
  })

  it('is refused before it is read where the list is enforced', async () => {
    await using toy = await trust()
    for (const query of [
      '{ hello }',
      `${hello} `,
      '{ hello',
      `{ ${'self { self { hello } } '.repeat(300)} }`,
    ]) {
      const response = await toy.post({ query })
      expect(response.status).toBe(403)
      expect(await read(response)).toMatchObject(refused)
    }
  })

  it('is refused with the hash of another one', async () => {
    await using toy = await trust({ mode: 'off' })
    const answer = await read(await toy.post({ query: '{ key }', extensions: persisted(hello) }))
    expect(answer).toMatchObject({ errors: [{ extensions: { reason: 'PERSISTED_QUERY_MISMATCH' } }] })
  })

  it('is run and logged by its hash and its name alone in the mode log, and not logged in the mode off', async () => {
    const query = 'query Secret { hello(name: "canary") }'
    for (const mode of ['log', 'off'] as const) {
      await using toy = await trust({ mode })
      for (const text of [query, query, hello])
        expect((await read(await toy.post({ query: text }))).data).toBeTruthy()
      const lines = toy.logs.filter(({ hash }) => hash !== undefined)
      expect(lines.map(({ hash, operationName }) => ({ hash, operationName }))).toEqual(
        mode === 'log' ? Array(2).fill({ hash: sha256(query), operationName: 'Secret' }) : [],
      )
      expect(JSON.stringify(toy.logs)).not.toContain('canary')
    }
  })

  it.each(['off', 'log'] as const)(
    'may not call a mutation that is for the list alone, in the mode %s',
    async (mode) => {
      await using toy = await trust({ mode, registeredMutations: ['noop'] })
      const tries = [
        'mutation { noop }',
        'mutation { a: noop }',
        'mutation { ...F } fragment F on Mutation { ... { noop } }',
        'query A { hello } mutation B { noop }',
      ]
      for (const query of tries) {
        // The second time the document comes from the cache.
        for (const _ of [1, 2]) {
          const response = await toy.post({ query, operationName: query.includes('B {') ? 'B' : undefined })
          expect(await read(response)).toMatchObject(refused)
          expect(response.status).toBe(403)
        }
      }
      expect(await read(await toy.post({ query: noop }))).toEqual({ data: { noop: true } })
      expect(await read(await toy.post({ extensions: persisted(noop) }))).toEqual({ data: { noop: true } })
      expect((await read(await toy.post({ query: '{ hello }' }))).data).toBeTruthy()
      expect((await read(await toy.post({ query: 'mutation { ignore }' }))).data).toBeTruthy()
    },
  )
})
