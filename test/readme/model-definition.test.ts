import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { noCapabilities } from '../../src/catalogue/capabilities.ts'
import { modelEntry } from '../../src/catalogue/model-entry.ts'
import { priceEntry } from '../../src/catalogue/price-entry.ts'
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts'
import { startTestGateway, type TestGateway } from '../kit/gateway/test-gateway.ts'

const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8')
const [, sample = ''] = /<!-- sample: model -->\n```yaml\n([\s\S]*?)```/.exec(readme) ?? []
const model = parse(sample).providers[0].models[1]

let sandbox: Sandbox
let gateway: TestGateway
beforeAll(async () => {
  sandbox = await startSandbox({ delayMs: 0 })
  gateway = await startTestGateway({
    env: { HOUSE_KEY: 'a-key-of-the-house' },
    file: sample.replace('https://images.example', sandbox.url),
  })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await sandbox.close()
})

test('the README shows every member of a model definition', () => {
  expect(Object.keys(model).sort()).toEqual(Object.keys(modelEntry.out.shape).sort())
  expect(Object.keys(model.capabilities.EDIT).sort()).toEqual(Object.keys(noCapabilities).sort())
  const shown = new Set([...model.prices.flatMap(Object.keys), 'megapixels'])
  expect([...shown].sort()).toEqual(Object.keys(priceEntry.shape).sort())
})

test('the gateway starts with the model that the README defines', async () => {
  const { data, errors } = await gateway.graphql<{
    models: { name: string; operations: { kind: string; parameters: { name: string; max: string }[] }[] }[]
  }>(`{ models { name operations { kind throughEdits parameters { name max values } }
    prices { from textInput imageOutput source } } }`)
  expect(errors).toBeUndefined()
  expect(data.models.map(({ name }) => name)).toEqual(['gpt-image-2', 'house-painter'])
  const [, painter] = data.models
  expect(painter?.operations.map(({ kind }) => kind)).toEqual(['GENERATE', 'EDIT', 'VARIATION'])
  const edit = painter?.operations.find(({ kind }) => kind === 'EDIT')?.parameters
  expect(edit?.find(({ name }) => name === 'n')?.max).toBe('2')
  expect(edit?.map(({ name }) => name)).not.toContain('inputFidelity')
})

test('the gateway counts the prices that the README shows', async () => {
  const { data, errors } = await gateway.graphql(
    `query ($input: CostEstimateInput!) { estimateCost(input: $input) { cost { max { amountMicros currency } } } }`,
    {
      input: {
        kind: 'GENERATE',
        model: 'house-painter',
        prompt: 'x',
        size: '1024x1024',
        quality: 'HIGH',
        n: 2,
      },
    },
  )
  expect(errors).toBeUndefined()
  expect(data).toEqual({ estimateCost: { cost: { max: { amountMicros: '80000', currency: 'USD' } } } })
})
