import { serverAudits } from 'graphql-http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestGateway, type TestGateway } from '../kit/gateway/test-gateway.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startTestGateway()
})
afterAll(() => gateway[Symbol.asyncDispose]())

describe('GraphQL over HTTP, by the audits of graphql-http', () => {
  for (const { id, name, fn } of serverAudits({ url: () => `${gateway.url}/graphql` })) {
    test(`${id} ${name}`, async () => {
      const result = await fn()
      expect(result.status === 'ok' ? 'ok' : `${result.status}: ${result.reason}`).toBe('ok')
    })
  }
})
