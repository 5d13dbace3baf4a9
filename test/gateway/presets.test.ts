import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts'
import { startTestGateway, type TestGateway } from '../kit/gateway/test-gateway.ts'
import { photoFile } from '../kit/photo.ts'

let sandbox: Sandbox
let gateway: TestGateway

/**
 * Every preset, each at the sandbox's address: what is not to be called must not even try to reach its real host. And one
 * at its own address, where retired models are refused before any call.
 */
const configFile = (url: string) => `
providers:
  - { name: openai, preset: openai, apiKey: k1, baseUrl: "${url}/v1" }
  - { name: compatible, preset: openai-compatible, baseUrl: "${url}/v1", models: [dall-e-2] }
  - { name: studio, preset: yandex-ai-studio, apiKey: k2, folderId: b1g, baseUrl: "${url}/yandex/v1" }
  - { name: art, preset: yandex-art, apiKey: k3, folderId: b1g, baseUrl: "${url}" }
  - { name: flux, preset: bfl, apiKey: k6, baseUrl: "${url}/v1" }
  - { name: tokenops, preset: tokenops, apiKey: k4, baseUrl: "${url}/v1" }
  - { name: apigo, preset: apigo, apiKey: k5, baseUrl: "${url}/v1" }
  - { name: localai, preset: localai, baseUrl: "${url}/v1", models: [stablediffusion] }
  - { name: sandbox, preset: sandbox, baseUrl: "${url}" }
  - { name: direct, preset: openai, apiKey: k7, models: [dall-e-3, gpt-image-2] }
defaults: { generate: sandbox/gpt-image-1, edit: sandbox/gpt-image-1, variation: sandbox/dall-e-2 }
`

beforeAll(async () => {
  sandbox = await startSandbox({ delayMs: 0 })
  gateway = await startTestGateway({ file: configFile(sandbox.url) })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await sandbox.close()
})

interface Operation {
  id: string
  status: string
  error: { reason: string; message: string; retryable: boolean } | null
  metadata: {
    provider: string
    model: string
    attempts: number
    throughEdits: boolean
    upstreamOperationIds: string[]
  }
  response: {
    usage: { estimated: boolean; cost: { amountMicros: string; currency: string } } | null
    data: { mimeType: string; width: number; height: number; revisedPrompt: string | null }[]
  } | null
}

const fields = `id status error { reason message retryable }
  metadata { provider model attempts throughEdits upstreamOperationIds }
  response { usage { estimated cost { amountMicros currency } } data { mimeType width height revisedPrompt } }`

async function generate(input: object): Promise<Operation> {
  const { data, errors } = await gateway.graphql<{ generateImage: { id: string } }>(
    'mutation ($input: GenerateImageInput!) { generateImage(input: $input) { id } }',
    { input },
  )
  expect(errors).toBeUndefined()
  return finished(data.generateImage.id)
}

/** Reads the stream of events to its end, then the operation. */
async function finished(id: string): Promise<Operation> {
  const response = await fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({
      query: 'subscription ($id: ID!) { operationStatus(operationId: $id) { sequence } }',
      variables: { id },
    }),
  })
  await response.text()
  const { data } = await gateway.graphql<{ operation: Operation }>(
    `query ($id: ID!) { operation(id: $id) { ${fields} } }`,
    { id },
  )
  return data.operation
}

describe('models', () => {
  test('shows every preset with what each accepts, enough to build a form', async () => {
    const { data, errors } = await gateway.graphql<{ models: Model[] }>(`{ models { id provider name sandbox
      operations { kind streaming throughEdits parameters { name type required values min max default dependsOn { parameter values } } }
      unsupported { kind reason } retirement { date replacement enforced retired source } prices { from currency imageOutput source } } }`)
    expect(errors).toBeUndefined()
    const providers = [...new Set(data.models.map(({ provider }) => provider))]
    expect(providers).toEqual([
      'openai',
      'compatible',
      'studio',
      'art',
      'flux',
      'tokenops',
      'apigo',
      'localai',
      'sandbox',
      'direct',
    ])
    const gpt2 = data.models.find(({ id }) => id === 'openai/gpt-image-2')
    const edit = gpt2?.operations.find(({ kind }) => kind === 'EDIT')
    expect(edit?.parameters.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'image',
        'mask',
        'prompt',
        'n',
        'size',
        'quality',
        'background',
        'outputFormat',
        'partialImages',
      ]),
    )
    const source = expect.stringContaining('developers.openai.com')
    const ended = { date: '2026-05-12', replacement: 'gpt-image-2', source }
    const retirementOf = (asked: string) => data.models.find(({ id }) => id === asked)?.retirement
    expect(retirementOf('direct/dall-e-3')).toEqual({ ...ended, enforced: true, retired: true })
    // The date is OpenAI's own; this provider is asked elsewhere.
    expect(retirementOf('openai/dall-e-3')).toEqual({ ...ended, enforced: false, retired: false })
    expect(retirementOf('direct/gpt-image-2')).toBeNull()
  })

  test('says where a document calls something unsupported, and why', async () => {
    const { data } = await gateway.graphql<{ models: Model[] }>(
      '{ models { id unsupported { kind reason } } }',
    )
    const studio = data.models.find(({ id }) => id.startsWith('studio/'))
    expect(studio?.unsupported.map(({ kind }) => kind).sort()).toEqual(['EDIT', 'VARIATION'])
    expect(studio?.unsupported[0]?.reason).toMatch(/not supported/i)
  })
})

interface Model {
  id: string
  provider: string
  operations: { kind: string; parameters: { name: string }[] }[]
  unsupported: { kind: string; reason: string }[]
  retirement: { retired: boolean; enforced: boolean; replacement: string } | null
}

describe('a call', () => {
  test('to what a document calls unsupported is refused without touching the network', async () => {
    const before = sandbox.counts().requests
    const { errors } = await gateway.upload(
      'mutation ($input: EditImageInput!) { editImage(input: $input) { id } }',
      { input: { prompt: 'x', model: 'studio/aliceai-image-art-3.0', image: [{ upload: null }] } },
      { 'input.image.0.upload': await photoFile() },
    )
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'UNSUPPORTED_BY_MODEL', field: 'input.model' })
    expect(sandbox.counts().requests).toBe(before)
  })

  test('of a retired model names its replacement', async () => {
    const { errors } = await gateway.graphql(
      'mutation { generateImage(input: { prompt: "x", model: "direct/dall-e-3" }) { id } }',
    )
    expect(errors?.[0]?.extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      reason: 'MODEL_RETIRED',
      replacement: 'gpt-image-2',
    })
  })

  test('of yandex-art makes one upstream operation for each image, and keeps their ids', async () => {
    const operation = await generate({
      model: 'sandbox/yandex-art',
      messages: [{ text: 'a red fox' }],
      n: 2,
      seed: '1863',
      aspectRatio: { widthRatio: '2', heightRatio: '1' },
      mimeType: 'image/jpeg',
    })
    expect(operation).toMatchObject({ status: 'SUCCEEDED', error: null })
    expect(operation.response?.data.map(({ mimeType }) => mimeType)).toEqual(['image/jpeg', 'image/jpeg'])
    expect(operation.metadata.upstreamOperationIds).toHaveLength(2)
  })

  test('of bfl keeps what lies at the addresses of its tasks, and books what they say they cost', async () => {
    const input = { model: 'flux/flux-2-pro', prompt: 'a red fox', n: 2, size: '1536x1024', seed: '7' }
    const operation = await generate({ ...input, outputFormat: 'PNG' })
    expect(operation).toMatchObject({ status: 'SUCCEEDED', error: null })
    const images = { mimeType: 'image/png', width: 1536, height: 1024 }
    expect(operation.response?.data).toMatchObject([images, images])
    expect(operation.response?.usage).toEqual({
      estimated: false,
      cost: { amountMicros: '90000', currency: 'USD' },
    })
    expect(operation.metadata.upstreamOperationIds).toHaveLength(2)
    expect(sandbox.requests().at(-1)?.parameters).toEqual({
      prompt: 'a red fox',
      width: 1536,
      height: 1024,
      seed: 8,
      output_format: 'png',
    })
  })

  test('of bfl edits the images that it sends within the request', async () => {
    const { data, errors } = await gateway.upload<{ editImage: Operation }>(
      `mutation ($input: EditImageInput!) { editImage(input: $input) { ${fields} } }`,
      { input: { model: 'flux/flux-2-pro', prompt: 'at night', image: [{ upload: null }] } },
      { 'input.image.0.upload': await photoFile() },
    )
    expect(errors).toBeUndefined()
    expect(data.editImage).toMatchObject({ status: 'SUCCEEDED', metadata: { provider: 'flux' } })
    expect(sandbox.requests().at(-1)).toMatchObject({ kind: 'edit', model: 'flux-2-pro', paid: true })
  })

  test('of bfl that is refused for its prompt ends so, and is made nowhere else', async () => {
    const before = sandbox.counts().requests
    const prompt = 'a red fox [sandbox:moderation]'
    const operation = await generate({ model: 'flux-2-pro', prompt, size: '1024x1024' })
    expect(operation).toMatchObject({
      status: 'FAILED',
      error: { reason: 'CONTENT_REFUSED', retryable: false },
      metadata: { attempts: 1 },
    })
    expect(sandbox.counts().requests).toBe(before + 1)
  })

  test('of a model with temporary addresses keeps what lies there', async () => {
    const operation = await generate({
      model: 'sandbox/dall-e-3',
      prompt: 'a lighthouse',
      responseFormat: 'URL',
    })
    expect(operation).toMatchObject({ status: 'SUCCEEDED' })
    expect(operation.response?.data[0]).toMatchObject({
      mimeType: 'image/png',
      revisedPrompt: expect.any(String),
    })
  })

  test('for a variation goes through edits where the model says so, and is labelled', async () => {
    const { data, errors } = await gateway.upload<{ createVariation: Operation }>(
      `mutation ($input: CreateVariationInput!) { createVariation(input: $input) { ${fields} } }`,
      { input: { model: 'sandbox/gpt-image-2', image: { upload: null } } },
      { 'input.image.upload': await photoFile() },
    )
    expect(errors).toBeUndefined()
    expect(data.createVariation).toMatchObject({ status: 'SUCCEEDED', metadata: { throughEdits: true } })
    expect(sandbox.requests().at(-1)).toMatchObject({ kind: 'edit', model: 'gpt-image-2' })
  })

  test('to a model that two providers serve goes to the second where the first provably did nothing', async () => {
    sandbox.misbehave('429=30')
    const operation = await generate({ model: 'gpt-image-2', prompt: 'a fallback', quality: 'LOW' })
    expect(operation).toMatchObject({ status: 'SUCCEEDED', metadata: { provider: 'sandbox', attempts: 2 } })
  })

  test('whose outcome is unknown ends there, however many providers serve the model', async () => {
    sandbox.misbehave('reset')
    const before = sandbox.counts().requests
    const operation = await generate({ model: 'gpt-image-2', prompt: 'lost', quality: 'LOW' })
    expect(operation).toMatchObject({
      status: 'FAILED',
      error: { reason: 'UPSTREAM_OUTCOME_UNKNOWN' },
      metadata: { attempts: 1 },
    })
    expect(sandbox.counts().requests).toBe(before + 1)
  })
})

describe('estimateCost', () => {
  test('tells tokens and money from the published tables, and refuses what the mutation would', async () => {
    const estimate = (input: object) =>
      gateway.graphql<{
        estimateCost: { certainty: string; tokens: { max: string }; cost: { max: { amountMicros: string } } }
      }>(
        `query ($input: CostEstimateInput!) { estimateCost(input: $input) { certainty reasons budgets { limit }
          tokens { min max } cost { min { amountMicros } max { amountMicros currency } } } }`,
        { input },
      )
    const { data } = await estimate({
      kind: 'GENERATE',
      size: '1024x1024',
      quality: 'LOW',
      prompt: 'a teapot',
    })
    expect(Number(data.estimateCost.tokens.max)).toBeGreaterThanOrEqual(272)
    expect(Number(data.estimateCost.cost.max.amountMicros)).toBeGreaterThanOrEqual(272 * 40)
    const flux = await estimate({
      kind: 'GENERATE',
      model: 'flux/flux-2-max',
      size: '2048x2048',
      prompt: 'x',
    })
    expect(flux.data.estimateCost).toMatchObject({
      certainty: 'EXACT',
      cost: { max: { amountMicros: '160000' } },
    })
    const { errors } = await estimate({ kind: 'GENERATE', size: '17x17' })
    expect(errors?.[0]?.extensions).toMatchObject({ field: 'input.size' })
  })
})
