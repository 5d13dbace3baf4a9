import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addReportedUsage, parseReportedUsage } from '../../src/catalogue/reported-usage.ts'

const nothing = {
  inputTokens: null,
  outputTokens: null,
  totalTokens: null,
  inputTextTokens: null,
  inputImageTokens: null,
  outputTextTokens: null,
  outputImageTokens: null,
  cachedInputTokens: null,
}

describe('reported usage', () => {
  test('is read with both splits', () => {
    const usage = {
      input_tokens: 50,
      output_tokens: 60,
      total_tokens: 110,
      input_tokens_details: { text_tokens: 10, image_tokens: 40 },
      output_tokens_details: { image_tokens: 50, text_tokens: 10 },
    }
    expect(parseReportedUsage(usage)).toEqual({
      inputTokens: 50,
      outputTokens: 60,
      totalTokens: 110,
      inputTextTokens: 10,
      inputImageTokens: 40,
      outputTextTokens: 10,
      outputImageTokens: 50,
      cachedInputTokens: null,
    })
  })

  test.each([
    [{ input_tokens_details: { cached_tokens: 30 } }, 30, undefined],
    [{ prompt_tokens_details: { cached_tokens: '30' } }, 30, undefined],
    [
      {
        input_tokens_details: {
          cached_tokens: 30,
          cached_tokens_details: { text_tokens: 10, image_tokens: 20 },
        },
      },
      30,
      { text: 10, image: 20 },
    ],
    [{ cached_prompt_text_tokens: 30 }, 30, { text: 30, image: 0 }],
    [{ cachedContentTokenCount: 30 }, 30, undefined],
    [{ input_tokens_details: { cached_tokens: -1 } }, null, undefined],
  ])('has the cached input of %j', (usage, cachedInputTokens, cachedParts) => {
    expect(parseReportedUsage({ input_tokens: 50, ...usage })).toEqual({
      ...nothing,
      inputTokens: 50,
      cachedInputTokens,
      cachedParts,
    })
  })

  test('takes all output for image tokens without a split', () => {
    const usage = parseReportedUsage({
      input_tokens: 18,
      output_tokens: 7,
      total_tokens: 25,
      output_tokens_details: {},
    })
    expect(usage).toMatchObject({
      outputTokens: 7,
      outputImageTokens: 7,
      inputTextTokens: null,
      inputImageTokens: null,
    })
  })

  test('understands the names of chat completions', () => {
    const usage = parseReportedUsage({ prompt_tokens: 5, completion_tokens: 9, total_tokens: 14 })
    expect(usage).toMatchObject({ inputTokens: 5, outputTokens: 9, totalTokens: 14 })
  })

  test.each([undefined, null, {}, [], 'many', 12, { input_tokens: 0, output_tokens: 0, total_tokens: 0 }])(
    'is null for %j',
    (value) => {
      expect(parseReportedUsage(value)).toBeNull()
    },
  )

  test('counts numbers that are written as texts', () => {
    const usage = parseReportedUsage({
      input_tokens: '130',
      output_tokens: '0040',
      input_tokens_details: { text_tokens: '30', image_tokens: '100' },
    })
    expect(usage).toMatchObject({
      inputTokens: 130,
      inputTextTokens: 30,
      inputImageTokens: 100,
      outputTokens: 40,
      outputImageTokens: 40,
    })
  })

  test.each([
    -1,
    1.5,
    '',
    ' 50',
    '-1',
    '1.5',
    '1e3',
    '0x10',
    'many',
    '500000001',
    '9'.repeat(400),
    500_000_001,
    2 ** 63,
    Number.NaN,
    null,
    {},
    true,
  ])('leaves out a part that says %j', (value) => {
    expect(parseReportedUsage({ input_tokens: 3, output_tokens: value })).toEqual({
      ...nothing,
      inputTokens: 3,
    })
  })

  test('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), (a, b) => {
        const usage = parseReportedUsage({
          input_tokens: a,
          output_tokens: b,
          input_tokens_details: a,
          output_tokens_details: b,
        })
        const { cachedParts, ...counts } = usage ?? {}
        for (const count of Object.values({ ...counts, ...cachedParts }))
          expect(count === null || Number.isSafeInteger(count)).toBe(true)
      }),
    )
  })

  test('is added up, and unknown where a part of it is', () => {
    const one = { ...nothing, inputTokens: 1, outputTokens: 2 }
    expect(addReportedUsage(one, { ...nothing, inputTokens: 3 })).toEqual({ ...nothing, inputTokens: 4 })
    expect(addReportedUsage(null, one)).toEqual(one)
    expect(addReportedUsage(null, null)).toBeNull()
  })
})
