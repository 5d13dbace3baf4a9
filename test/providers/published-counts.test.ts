import { describe, expect, test } from 'vitest'
import { estimate } from '../../src/catalogue/estimate.ts'
import type { EstimateFacts } from '../../src/catalogue/pricing.ts'
import { fillTokens } from '../../src/catalogue/tokens.ts'
import { figure } from '../../src/catalogue/usage-figures.ts'
import { openAiModels } from '../../src/providers/dialects/openai/openai-models.ts'

const square = '1024x1024'
const landscape = '1536x1024'
const portrait = '1024x1536'

/** Of the guide, for the models before gpt-image-2. */
const first = {
  [square]: { LOW: 272, MEDIUM: 1056, HIGH: 4160 },
  [landscape]: { LOW: 400, MEDIUM: 1568, HIGH: 6208 },
  [portrait]: { LOW: 408, MEDIUM: 1584, HIGH: 6240 },
}
/** From the prices per image of the guide, and from OpenAI's calculator. */
const second = {
  [square]: { LOW: 196, MEDIUM: 1756, HIGH: 7024 },
  [landscape]: { LOW: 158, MEDIUM: 1372, HIGH: 5488 },
  [portrait]: { LOW: 158, MEDIUM: 1372, HIGH: 5488 },
  '1792x1024': { HIGH: 5063 },
  '3584x2048': { HIGH: 12_329 },
}
const finer = { [square]: { LOW: 196, MEDIUM: 439, HIGH: 1756, XHIGH: 3122, MAX: 7024 } }
/** Three to four times as much as finer, and the same. */
const newest = {
  [square]: { LOW: [588, 784], MEDIUM: [1317, 1756], HIGH: 1756, XHIGH: 3122, MAX: 7024 },
}

type Counts = Record<string, Record<string, number | number[]>>

/** Every model that is billed by the token, with what is published or told of its final images. */
const published: Record<string, Counts> = {
  'gpt-image-2': second,
  'gpt-image-2-2026-04-21': second,
  'gpt-image-2.6-sunburst': newest,
  'gpt-image-2.6-flare': newest,
  'gpt-image-2.5-sunburst': finer,
  'gpt-image-2.5-flare': finer,
  'gpt-image-2.5-sunburst-2026-09-08': finer,
  'gpt-image-2.5-flare-2026-09-08': finer,
  'gpt-image-1.5': first,
  'gpt-image-1.5-2025-12-16': first,
  'chatgpt-image-latest': first,
  'gpt-image-1-mini': first,
  'gpt-image-1': first,
}

const at = new Date('2026-11-21T12:00:00Z')
const promptBytes = 200

const cases = Object.entries(published).flatMap(([name, sizes]) =>
  Object.entries(sizes).flatMap(([size, counts]) =>
    Object.entries(counts).map(([quality, tokens]) => ({ name, size, quality, tokens: [tokens].flat() })),
  ),
)

function find(name: string) {
  const model = openAiModels.find((each) => each.name === name)
  if (!model?.pricing) throw new Error(`There is no ${name} with prices`)
  return { pricing: model.pricing, qualities: model.capabilities.GENERATE?.quality ?? [] }
}

const factsOf = ({ size, quality }: { size: string; quality: string }): EstimateFacts => ({
  kind: 'GENERATE',
  promptBytes,
  n: 1,
  size,
  quality,
  partialImages: 0,
  inputImages: [],
  inputFidelity: null,
})

describe('the counts of tokens that OpenAI or others publish', () => {
  test('are here for every model that is billed by the token, and every quality of it', () => {
    const billed = openAiModels.filter(({ pricing }) => pricing?.inputImageTokens)
    expect(billed.map(({ name }) => name)).toEqual(Object.keys(published))
    for (const { name } of billed) {
      const known = new Set(Object.values(published[name] ?? {}).flatMap(Object.keys))
      expect([...known].sort(), name).toEqual(
        find(name)
          .qualities.filter((quality) => quality !== 'AUTO')
          .sort(),
      )
    }
  })

  test.each(cases)('are those of the registry: $name $quality $size', ({ name, size, quality, tokens }) => {
    const { pricing } = find(name)
    const foreseen = estimate(pricing, { ...factsOf({ size, quality }), promptBytes: 0 }, at)
    const [least = 0, most = least] = tokens
    if (tokens.length === 1) {
      const booked = figure({
        reported: null,
        pricing,
        facts: { ...factsOf({ size, quality }), images: 1 },
        at,
      })
      expect(booked.outputImageTokens).toBe(least)
      expect(foreseen.tokens.min).toBe(least)
      expect(foreseen.reasons).not.toContain('OUTPUT_TOKENS_VARY')
    } else {
      expect(foreseen.tokens.min).toBeLessThanOrEqual(least)
      expect(foreseen.reasons).toContain('OUTPUT_TOKENS_VARY')
    }
    expect(foreseen.tokens.max).toBeGreaterThanOrEqual(most)
  })

  test.each(cases)(
    'reserve what they cost, and at most half as much again: $name $quality $size',
    ({ name, size, quality, tokens }) => {
      const { pricing } = find(name)
      const facts = factsOf({ size, quality })
      const reserved = estimate(pricing, facts, at)
      for (const outputTokens of tokens) {
        const inputTokens = Math.ceil(promptBytes / 4)
        const reported = { ...fillTokens(() => null), inputTokens, outputTokens }
        const settled = figure({ reported, pricing, facts: { ...facts, images: 1 }, at })
        expect(reserved.tokens.max).toBeGreaterThanOrEqual(settled.totalTokens)
        expect(reserved.cost?.max).toBeGreaterThanOrEqual(settled.costMicros ?? Number.NaN)
        expect((reserved.cost?.max ?? 0) / (settled.costMicros ?? 0)).toBeLessThanOrEqual(1.5)
      }
    },
  )
})
