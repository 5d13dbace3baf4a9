import { createHash } from 'node:crypto'
import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client'
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries'
import { createRequest, fetchExchange, Client as UrqlClient } from '@urql/core'
import { createClient } from 'graphql-sse'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestGateway, type TestGateway } from '../kit/gateway/test-gateway.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startTestGateway()
})
afterAll(() => gateway[Symbol.asyncDispose]())

const document = 'query Names { models { name } }'
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const persistedQuery = { version: 1, sha256Hash: sha256(document) } as const

/** Fetches, and notes the method of each request and whether it carried the query. */
function notingFetch() {
  const sent: string[] = []
  const send: typeof fetch = (input, init) => {
    const hasQuery = /[?&]query=/.test(String(input)) || String(init?.body).includes('"query"')
    sent.push(`${init?.method} ${hasQuery ? 'query' : 'hash'}`)
    return fetch(input, init)
  }
  return { sent, send }
}

describe('a client with persisted queries', () => {
  test.each([
    ['POST', false],
    ['GET', true],
  ])(
    "sends the query after its hash was refused, then no hash: Apollo's link by %s",
    async (method, useGETForHashedQueries) => {
      const { sent, send } = notingFetch()
      const link = new PersistedQueryLink({ sha256, useGETForHashedQueries }).concat(
        new HttpLink({ uri: `${gateway.url}/graphql`, fetch: send }),
      )
      const client = new ApolloClient({ cache: new InMemoryCache(), link })
      const ask = () => client.query<{ models: object[] }>({ query: gql(document), fetchPolicy: 'no-cache' })
      expect((await ask()).data?.models.length).toBeGreaterThan(0)
      expect((await ask()).data?.models.length).toBeGreaterThan(0)
      expect(sent).toEqual([`${method} hash`, 'POST query', 'POST query'])
      client.stop()
    },
  )

  test.each(['POST', 'GET'])(
    'is told by the message that the exchange of urql waits for, by %s',
    async (method) => {
      const { sent, send } = notingFetch()
      const client = new UrqlClient({
        url: `${gateway.url}/graphql`,
        exchanges: [fetchExchange],
        fetch: send,
        preferGetMethod: method === 'GET' ? 'force' : false,
      })
      // What the exchange makes of a request: https://github.com/urql-graphql/urql/tree/main/exchanges/persisted.
      const request = { ...createRequest(document, {}), extensions: { persistedQuery } }
      const { error } = await client.executeQuery(request, { requestPolicy: 'network-only' }).toPromise()
      expect(error?.graphQLErrors.map(({ message }) => message)).toEqual(['PersistedQueryNotSupported'])
      expect(sent).toEqual([`${method} hash`])
    },
  )

  test.each([false, true])(
    'is told as a result of its event stream, with singleConnection: %s',
    async (singleConnection) => {
      const client = createClient({
        url: `${gateway.url}/graphql/stream`,
        singleConnection,
        retryAttempts: 0,
      })
      const results = client.iterate({ extensions: { persistedQuery } } as unknown as { query: string })
      const { value } = await results.next()
      expect(value?.errors).toMatchObject([
        { message: 'PersistedQueryNotSupported', extensions: { code: 'PERSISTED_QUERY_NOT_SUPPORTED' } },
      ])
      client.dispose()
    },
  )

  test.each(['application/json', 'application/graphql-response+json', '*/*'])(
    'is answered 200 where it accepts %s',
    async (accept) => {
      const body = JSON.stringify({ query: '', variables: {}, extensions: { persistedQuery } })
      const headers = { accept, 'content-type': 'application/json' }
      const response = await fetch(`${gateway.url}/graphql`, { method: 'POST', headers, body })
      expect(response.status).toBe(200)
      expect(response.headers.get('cache-control')).toBe('no-store')
      expect(await response.json()).toEqual({
        errors: [
          {
            message: 'PersistedQueryNotSupported',
            extensions: {
              code: 'PERSISTED_QUERY_NOT_SUPPORTED',
              reason: 'PERSISTED_QUERY_NOT_SUPPORTED',
              retryable: false,
              requestId: expect.any(String),
            },
          },
        ],
      })
    },
  )

  test('is answered as any other where the query comes with its hash', async () => {
    const body = JSON.stringify({ query: document, extensions: { persistedQuery } })
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${gateway.url}/graphql`, { method: 'POST', headers, body })
    expect(await response.json()).toMatchObject({ data: { models: expect.any(Array) } })
  })
})
