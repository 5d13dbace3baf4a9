import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ImageModel } from '../../src/catalogue/image-model.ts'
import { fillInput, type OperationInput } from '../../src/catalogue/operation-input.ts'
import type { OperationKind } from '../../src/catalogue/operation-kind.ts'
import { mostOf } from '../../src/operations/accept/accept-operation.ts'
import { estimateOperation } from '../../src/operations/accept/estimate-operation.ts'
import { startTestGateway, type TestGateway } from '../kit/gateway/test-gateway.ts'
import { maskFile, photoFile } from '../kit/photo.ts'
import { openProviders } from '../kit/rooms/open-providers.ts'
import { type ScriptedUpstream, startScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'

/*
 * The most that `estimateCost` shows is what an operation reserves: on every model of the shipped presets by the two
 * functions, and in a database for a sample.
 */

const now = () => new Date('2026-03-01T12:00:00Z')
const providers = openProviders(
  [
    { name: 'openai', preset: 'openai' },
    { name: 'tokenops', preset: 'tokenops' },
    { name: 'apigo', preset: 'apigo' },
    { name: 'studio', preset: 'yandex-ai-studio', folderId: 'b1g', enable: ['edits', 'variations'] },
    { name: 'art', preset: 'yandex-art', folderId: 'b1g' },
    { name: 'local', preset: 'localai', models: ['sd'] },
    { name: 'own', preset: 'openai-compatible', baseUrl: 'http://127.0.0.1:1', models: ['sd'] },
    { name: 'sandbox', preset: 'sandbox', baseUrl: 'http://127.0.0.1:1' },
  ],
  { now },
)
afterAll(() => providers.close())

const square = { width: 1024, height: 1024 }
const wide = { width: 1536, height: 1024 }

/** Every size and quality that the form of a model offers, alone and with each other. */
function requestsOf(model: ImageModel, kind: OperationKind): OperationInput[] {
  const offered = (name: string) =>
    model.parameters[kind]?.find((parameter) => parameter.name === name)?.values ?? []
  const prompt = kind === 'VARIATION' ? null : 'a red rose on a white table'
  return [null, ...offered('size')].flatMap((size) =>
    [null, ...offered('quality')].map((quality) => fillInput({ prompt, model: model.id, size, quality })),
  )
}

const cells = providers
  .models()
  .flatMap((model) => model.kinds.map((kind) => ({ id: model.id, kind, model })))

test.each(cells)('$id reserves for $kind what was shown as the most', ({ model, kind }) => {
  const isSquare = model.capabilities[kind]?.images?.square
  const sources = kind === 'GENERATE' ? [] : [isSquare ? square : wide]
  const masks = kind === 'EDIT' ? sources : []
  const requests = requestsOf(model, kind)
  for (const input of requests) {
    const shown = estimateOperation({ providers, now }, { kind, input, images: [...sources, ...masks] })
    const stored = [
      ...sources.map((image) => ({ role: 'INPUT' as const, image })),
      ...masks.map((image) => ({ role: 'MASK' as const, image })),
    ]
    const reserved = mostOf({ kind, input }, { models: [model], stored }, now())
    expect(reserved.tokens).toBe(shown.tokens.max)
    expect(reserved.costMicros).toBe(shown.cost?.max ?? 0)
    expect(reserved.currency).toBe(shown.cost?.currency)
  }
  expect(requests.length).toBeGreaterThan(1)
})

describe('in a database', () => {
  let upstream: ScriptedUpstream
  let gateway: TestGateway

  /** Three providers may carry the same request out; the dearest is neither the first nor the last. */
  beforeAll(async () => {
    upstream = await startScriptedUpstream()
    const price = (dollars: number) =>
      `prices: [{ from: "2026-01-01", currency: USD, textInput: ${dollars}, imageInput: ${dollars}, textOutput: null, imageOutput: ${dollars}, perImage: [], source: test }]`
    const provider = (name: string, dollars: number) =>
      `  - { name: ${name}, preset: openai, apiKey: sk, baseUrl: "${upstream.url}/v1", models: [{ name: gpt-image-2, ${price(dollars)} }] }`
    gateway = await startTestGateway({
      file: ['providers:', provider('low', 3), provider('dear', 70), provider('middle', 20)].join('\n'),
    })
  })
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]()
    await upstream.close()
  })

  const shownFor = async (input: object) => {
    const { data } = await gateway.graphql<{
      estimateCost: { tokens: { max: string }; cost: { max: { amountMicros: string; currency: string } } }
    }>(
      'query ($input: CostEstimateInput!) { estimateCost(input: $input) { tokens { max } cost { max { amountMicros currency } } } }',
      { input },
    )
    const { tokens, cost } = data.estimateCost
    return {
      tokens: BigInt(tokens.max),
      costMicros: BigInt(cost.max.amountMicros),
      currency: cost.max.currency,
    }
  }

  const reservedFor = async (globalId: string) => {
    const [, operationId] = Buffer.from(globalId, 'base64url').toString().split(':')
    return gateway.database.prisma.ledgerEntry.findFirstOrThrow({
      where: { operationId: operationId ?? '', kind: 'RESERVE' },
      select: { tokens: true, costMicros: true, currency: true },
    })
  }

  test.each([
    { model: 'gpt-image-2', prompt: 'a fox', size: '1024x1024', quality: 'LOW' },
    { model: 'gpt-image-2', prompt: 'two foxes', size: '1536x1024', quality: 'HIGH', n: 2 },
    { model: 'gpt-image-2', prompt: 'a fox at will', size: 'auto', partialImages: 2 },
    { model: 'low/gpt-image-2', prompt: 'a cheap fox', quality: 'MEDIUM' },
  ])('a generation of $prompt reserves what was shown', async (input) => {
    const shown = await shownFor({ kind: 'GENERATE', ...input })
    const { data } = await gateway.graphql<{ generateImage: { id: string } }>(
      'mutation ($input: GenerateImageInput!) { generateImage(input: $input) { id } }',
      { input },
    )
    expect(await reservedFor(data.generateImage.id)).toEqual(shown)
  })

  test('an edit with a mask reserves what was shown', async () => {
    const input = { model: 'gpt-image-2', prompt: 'a red door', size: '1024x1024', quality: 'LOW' }
    const size = { width: 300, height: 200 }
    const shown = await shownFor({ kind: 'EDIT', ...input, inputImages: [size, size] })
    const { data } = await gateway.upload<{ editImage: { id: string } }>(
      'mutation ($input: EditImageInput!) { editImage(input: $input) { id } }',
      { input: { ...input, image: [{ upload: null }], mask: { upload: null } } },
      { 'input.image.0.upload': await photoFile(), 'input.mask.upload': await maskFile(300, 200) },
    )
    expect(await reservedFor(data.editImage.id)).toEqual(shown)
  })
})
