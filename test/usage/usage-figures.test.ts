import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { estimate } from '../../src/catalogue/estimate.ts'
import type { EstimateFacts, Pricing } from '../../src/catalogue/pricing.ts'
import { parseReportedUsage, type ReportedUsage } from '../../src/catalogue/reported-usage.ts'
import { fillTokens } from '../../src/catalogue/tokens.ts'
import { figure } from '../../src/catalogue/usage-figures.ts'
import { byImage, byMegapixel, byToken, makeFacts, tokenPrice, unknown, unpriced } from './pricing-kit.ts'

const at = new Date('2026-05-31T12:00:00Z')

const silent: ReportedUsage = fillTokens(() => null)

const book = (
  reported: Partial<ReportedUsage> | null,
  facts: Partial<EstimateFacts> = {},
  pricing = byToken,
) =>
  figure({
    reported: reported && { ...silent, ...reported },
    pricing,
    facts: { ...makeFacts(facts), images: 1 },
    at,
  })

const edit = { kind: 'EDIT', inputImages: [{ width: 1024, height: 1024 }] } as const

test('prices text and image tokens apart', () => {
  const reported = {
    inputTokens: 50,
    outputTokens: 50,
    totalTokens: 100,
    inputTextTokens: 10,
    inputImageTokens: 40,
  }
  expect(book(reported, edit)).toEqual({
    inputTokens: 50,
    outputTokens: 50,
    totalTokens: 100,
    inputTextTokens: 10,
    inputImageTokens: 40,
    outputTextTokens: 0,
    outputImageTokens: 50,
    cachedInputTokens: 0,
    images: 1,
    costMicros: 10 * 5 + 40 * 10 + 50 * 40,
    currency: 'USD',
    estimated: false,
  })
})

test('prices input without a split at the dearer rate and says that it guessed', () => {
  const figures = book({ inputTokens: 50, outputTokens: 50, totalTokens: 100 }, edit)
  expect(figures).toMatchObject({ inputImageTokens: 50, costMicros: 50 * 10 + 50 * 40, estimated: true })
})

test('takes input without a split for text where there was no image to read', () => {
  expect(book({ inputTokens: 50, outputTokens: 50 })).toMatchObject({
    inputTextTokens: 50,
    totalTokens: 100,
    costMicros: 50 * 5 + 50 * 40,
    estimated: false,
  })
})

test('completes a part from the others', () => {
  expect(book({ totalTokens: 100, outputTokens: 60, inputImageTokens: 30 }, edit)).toMatchObject({
    inputTokens: 40,
    inputTextTokens: 10,
    estimated: false,
  })
})

test('estimates from the tables when nothing is reported, and never books zero', () => {
  const expected = {
    inputTextTokens: 10,
    outputImageTokens: 4160,
    costMicros: 10 * 5 + 4160 * 40,
    estimated: true,
  }
  expect(book(null)).toMatchObject(expected)
  expect(book({})).toMatchObject(expected)
  expect(book({ inputTokens: 0, outputTokens: 0, totalTokens: 0 })).toMatchObject(expected)
})

test('keeps the half that was reported', () => {
  expect(book({ outputTokens: 999 })).toMatchObject({ inputTokens: 10, outputTokens: 999, estimated: true })
})

test('estimates for as many images as arrived', () => {
  const figures = figure({
    reported: null,
    pricing: byToken,
    facts: { ...makeFacts({ n: 4 }), images: 3 },
    at,
  })
  expect(figures).toMatchObject({ images: 3, outputTokens: 3 * 4160 })
})

test('adds partial images only where it estimates: a count that was reported has them', () => {
  expect(book(null, { partialImages: 2 }).outputTokens).toBe(4160 + 200)
  expect(book({ inputTokens: 10, outputTokens: 4360 }, { partialImages: 2 }).outputTokens).toBe(4360)
})

test('pays by the image where the list has no tokens', () => {
  const figures = figure({
    reported: null,
    pricing: byImage,
    facts: { ...makeFacts({ size: '512x512', quality: 'standard' }), images: 2 },
    at,
  })
  expect(figures).toMatchObject({ totalTokens: 0, costMicros: 36_000, estimated: false })
})

test('keeps tokens whose price nobody knows', () => {
  expect(book({ inputTokens: 5, outputTokens: 7 }, {}, unpriced)).toMatchObject({
    totalTokens: 12,
    costMicros: null,
  })
  expect(book(null, {}, unknown)).toMatchObject({ totalTokens: 0, costMicros: null, estimated: true })
})

test('prices reported tokens of a model without tables', () => {
  const pricing = { ...unknown, prices: [tokenPrice] }
  expect(book({ inputTokens: 5, outputTokens: 7 }, {}, pricing)).toMatchObject({ costMicros: 5 * 5 + 7 * 40 })
})

describe('cached input', () => {
  const cachedPrice = { ...tokenPrice, cachedTextInput: 1_000_000, cachedImageInput: 2_000_000 }
  const pricing = { ...byToken, prices: [cachedPrice] }
  const both = {
    inputTokens: 50,
    inputTextTokens: 10,
    inputImageTokens: 40,
    outputTokens: 0,
    totalTokens: 50,
  }
  const bookCached = (reported: Partial<ReportedUsage>, by: Pricing = pricing) =>
    book({ ...both, outputTokens: 1, totalTokens: 51, ...reported }, edit, by)
  const output = 40

  test('costs its own rate where the list has one, and the normal one elsewhere', () => {
    const cached = { cachedInputTokens: 30, cachedParts: { text: 10, image: 20 } }
    expect(bookCached(cached)).toMatchObject({
      inputTokens: 50,
      cachedInputTokens: 30,
      costMicros: 10 * 1 + 20 * 2 + 20 * 10 + output,
      estimated: false,
    })
    const full = 10 * 5 + 40 * 10 + output
    expect(bookCached(cached, byToken)).toMatchObject({ cachedInputTokens: 30, costMicros: full })
  })

  test('without a split costs the dearer cached rate as far as that input goes, and is an estimate', () => {
    expect(bookCached({ cachedInputTokens: 45 })).toMatchObject({
      costMicros: 40 * 2 + 5 * 1 + 5 * 5 + output,
      estimated: true,
    })
    expect(bookCached({ cachedInputTokens: 50 })).toMatchObject({
      costMicros: 40 * 2 + 10 * 1 + output,
      estimated: false,
    })
  })

  test('is of prompts alone where nothing else was read', () => {
    const reported = { inputTokens: 1000, inputTextTokens: 1000, inputImageTokens: 0, outputTokens: 196 }
    expect(book({ ...reported, cachedInputTokens: 800 }, {}, pricing)).toMatchObject({
      costMicros: 200 * 5 + 800 * 1 + 196 * 40,
      estimated: false,
    })
  })

  test('above the input is a fault, and lowers nothing', () => {
    expect(bookCached({ cachedInputTokens: 51 })).toMatchObject({
      cachedInputTokens: 0,
      costMicros: 10 * 5 + 40 * 10 + output,
    })
  })

  test('is not foreseen: the most that a request takes is at the normal rates', () => {
    const facts = makeFacts(edit)
    expect(estimate(pricing, facts, at).cost).toEqual(estimate(byToken, facts, at).cost)
  })
})

test('rounds a fraction of a micro-unit up, once', () => {
  const pricing = { ...byToken, prices: [{ ...tokenPrice, textInput: 300_000, imageOutput: 300_000 }] }
  expect(book({ inputTokens: 1, outputTokens: 1 }, {}, pricing).costMicros).toBe(1)
})

test('makes whole figures of whatever an upstream says, and throws nothing', () => {
  const odd = fc.constantFrom(-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 63, 1e300, 0, null, '12')
  const part = fc.oneof(odd, fc.integer({ min: 0, max: 2_000_000_000 }))
  const details = fc.record({ text_tokens: part, image_tokens: part, cached_tokens: part })
  const reports = fc.record({
    input_tokens: part,
    output_tokens: part,
    total_tokens: part,
    input_tokens_details: details,
    output_tokens_details: details,
  })
  const pricings = fc.constantFrom(byToken, byImage, unpriced, unknown)
  fc.assert(
    fc.property(fc.option(reports), pricings, (reported, pricing) => {
      const { costMicros, currency, estimated, ...tokens } = book(parseReportedUsage(reported), edit, pricing)
      for (const count of Object.values(tokens)) {
        expect(Number.isInteger(count) && count >= 0 && count <= 2_147_483_647).toBe(true)
      }
      expect(costMicros === null || (Number.isSafeInteger(costMicros) && costMicros >= 0)).toBe(true)
      expect(tokens.inputTextTokens + tokens.inputImageTokens).toBe(tokens.inputTokens)
      expect(tokens.cachedInputTokens).toBeLessThanOrEqual(tokens.inputTokens)
      expect(tokens.outputTextTokens + tokens.outputImageTokens).toBe(tokens.outputTokens)
      expect(tokens.totalTokens).toBeGreaterThanOrEqual(tokens.inputTokens + tokens.outputTokens)
      expect(currency).toBe('USD')
      if (pricing === byToken) expect(tokens.totalTokens).toBeGreaterThan(0)
    }),
    { numRuns: 500 },
  )
})

test("takes the upstream's own bill before any table, zero included", () => {
  const facts = { size: '1024x1024', quality: null }
  expect(book(null, facts, byMegapixel)).toMatchObject({ costMicros: 30_000, estimated: false })
  for (const micros of [45_000, 0])
    expect(book({ cost: { micros, currency: 'USD' } }, facts, byMegapixel)).toMatchObject({
      costMicros: micros,
      estimated: false,
      totalTokens: 0,
    })
  expect(book({ cost: { micros: 45_000, currency: 'EUR' } }, facts, unknown)).toMatchObject({
    costMicros: 45_000,
    currency: 'EUR',
    estimated: false,
  })
})
