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
