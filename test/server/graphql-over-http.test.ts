import { serverAudits } from 'graphql-http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openToyGateway, type ToyGateway } from './toy-gateway.ts'

let toy: ToyGateway

beforeAll(async () => {
  toy = await openToyGateway()
})

afterAll(async () => {
  await toy[Symbol.asyncDispose]()
})

describe('the audits of graphql-http', () => {
  const audits = serverAudits({
    url: () => `${toy.url}/graphql`,
    fetchFn: (input: string, init: RequestInit = {}) =>
      fetch(input, { ...init, headers: { authorization: 'Bearer ann', ...(init.headers as object) } }),
  })
  for (const { name, fn } of audits) {
    it(name, async () => {
      const result = await fn()
      expect(result.status === 'ok' ? 'ok' : result.reason).toBe('ok')
    })
  }
})

describe('a request of an honest client', () => {
  const query = '{ hello(name: "x") }'
  const hello = { data: { hello: 'hello x' } }

  it.each<[string, object]>([
    ['all that it leaves out as null', { query, variables: null, operationName: null, extensions: null }],
    ['an empty name of its only operation', { query: `query Hello ${query}`, operationName: '' }],
  ])('may have %s', async (_, body) => {
    expect(await (await toy.post(body)).json()).toEqual(hello)
  })

  it.each([
    ['content-type', 'Application/JSON; Charset="UTF-8"'],
    ['content-type', 'application/json ;charset=utf-8'],
    ['content-encoding', 'Identity'],
    ['accept', 'Application/JSON'],
  ])('may write %s as %s', async (name, value) => {
    expect(await (await toy.post({ query }, { [name]: value })).json()).toEqual(hello)
  })

  it.each(['variables=null', 'variables=', 'operationName=&extensions='])('may ask for %s', async (more) => {
    const address = `${toy.url}/graphql?query=${encodeURIComponent(query)}&${more}`
    const response = await fetch(address, { headers: { authorization: 'Bearer ann' } })
    expect(await response.json()).toEqual(hello)
  })
})
