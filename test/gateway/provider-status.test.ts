import { afterAll, beforeAll, expect, test } from 'vitest'
import { ended } from '../kit/client/operation-client.ts'
import { startTestGateway, type TestGateway } from '../kit/gateway/test-gateway.ts'
import type { Script } from '../kit/upstream/exchange.ts'
import { replyJson } from '../kit/upstream/replies.ts'
import { type ScriptedUpstream, startScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'

let first: ScriptedUpstream
let second: ScriptedUpstream
let gateway: TestGateway

/** Both serve the models; the first one in the file is asked first. */
beforeAll(async () => {
  first = await startScriptedUpstream()
  second = await startScriptedUpstream()
  const models = 'models: [wrong-key, missing, poor, no-channel, refused, broken]'
  gateway = await startTestGateway({
    file: `
limits: { providers: { breaker: { pauseMs: 1 } } }
providers:
  - { name: first, preset: openai-compatible, apiKey: k1, baseUrl: "${first.url}/v1", ${models} }
  - { name: second, preset: openai-compatible, apiKey: k2, baseUrl: "${second.url}/v1", ${models} }
`,
  })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await first.close()
  await second.close()
})

const error = (status: number, code: string): Script => {
  const refused = replyJson({ error: { code, message: 'No.' } }, { status })
  return (exchange) => {
    exchange.call.paid = false
    return refused(exchange)
  }
}

async function generate(model: string, answer: Script) {
  first.answer(model, answer)
  const { data } = await gateway.graphql<{ generateImage: { id: string } }>(
    'mutation ($input: GenerateImageInput!) { generateImage(input: $input) { id } }',
    { input: { prompt: model, model } },
  )
  return ended(gateway, data.generateImage.id)
}

const callsOf = ({ calls }: ScriptedUpstream, asked: string) =>
  calls.filter(({ prompt }) => prompt === asked).length

async function statuses() {
  const document = '{ providers { name state reason until faults { reason model } } }'
  const { data } = await gateway.graphql<{ providers: { name: string; state: string }[] }>(document, {})
  return data.providers
}

const well = { state: 'HEALTHY', reason: null, until: null, faults: [] }

test('every provider is well at the start', async () => {
  expect(await statuses()).toEqual([
    { name: 'first', ...well },
    { name: 'second', ...well },
  ])
})

test.each([
  ['wrong-key', 401, 'invalid_api_key', 'UPSTREAM_AUTH', null],
  ['missing', 404, 'model_not_found', 'UPSTREAM_MODEL_NOT_FOUND', 'missing'],
  ['poor', 429, 'insufficient_quota', 'QUOTA_EXHAUSTED', null],
  ['no-channel', 503, 'model_not_found', 'UPSTREAM_MODEL_NOT_FOUND', 'no-channel'],
])(
  '%s: the next provider is asked at once, and an admin sees why',
  async (name, status, code, reason, model) => {
    expect(await generate(name, error(status, code))).toMatchObject({ status: 'SUCCEEDED' })
    expect([callsOf(first, name), callsOf(second, name)]).toEqual([1, 1])
    const [one, other] = await statuses()
    expect(one).toMatchObject({ state: 'FAULTY', faults: expect.arrayContaining([{ reason, model }]) })
    expect(other).toEqual({ name: 'second', ...well })
  },
)

test.each([
  ['refused', 400, 'content_filter'],
  ['broken', 400, 'invalid_value'],
])('%s: what is wrong with a request is wrong with it everywhere', async (name, status, code) => {
  expect(await generate(name, error(status, code))).toMatchObject({ status: 'FAILED' })
  expect([callsOf(first, name), callsOf(second, name)]).toEqual([1, 0])
})
