import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EaselError } from '../../src/errors.ts'
import { parseJson } from '../../src/server/http/json-limits.ts'

const noJson = new EaselError('BAD_USER_INPUT', 'no JSON')
const parse = (text: string, limits: { maxInputDepth?: number; maxJsonValues?: number } = {}) =>
  parseJson({
    text,
    limits: { maxInputDepth: 32, maxJsonValues: 5_000, ...limits },
    malformed: () => noJson,
  })

function refusalOf(run: () => unknown) {
  try {
    run()
  } catch (error) {
    if (error instanceof EaselError) return error.details
    throw error
  }
  return null
}

/** Counted by walking through what was parsed. */
function measure(value: unknown): { depth: number; values: number } {
  if (typeof value !== 'object' || value === null) return { depth: 0, values: 1 }
  const members = Object.values(value).map(measure)
  return {
    depth: 1 + Math.max(0, ...members.map(({ depth }) => depth)),
    values: members.reduce((sum, { values }) => sum + values, 1),
  }
}

describe('JSON', () => {
  it('is parsed up to its limits and refused one beyond, whatever it holds', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom(0, 2), (value, indent) => {
        const text = JSON.stringify(value, null, indent)
        const { depth, values } = measure(JSON.parse(text))
        expect(parse(text, { maxInputDepth: depth, maxJsonValues: values })).toEqual(JSON.parse(text))
        expect(refusalOf(() => parse(text, { maxJsonValues: values - 1 }))).toEqual({
          reason: 'JSON_TOO_MANY_VALUES',
          allowed: values - 1,
          actual: values,
        })
        if (depth === 0) return
        expect(refusalOf(() => parse(text, { maxInputDepth: depth - 1 }))).toEqual({
          reason: 'JSON_TOO_DEEP',
          allowed: depth - 1,
          actual: depth,
        })
      }),
    )
  })

  it('may have brackets, commas and quotes in its strings', () => {
    const value = { a: '[[[[{{{{,,,,', 'b"[': '\\"[[[[', c: ['\\', '\\\\"{'] }
    expect(parse(JSON.stringify(value), { maxInputDepth: 2, maxJsonValues: 6 })).toEqual(value)
  })

  it('may have space in what is empty', () => {
    expect(parse('[ \n{ } ]', { maxJsonValues: 2 })).toEqual([{}])
  })

  it.each(['', '[', '"', '"\\', ']]]]', '[1,]', '{"a"}', 'x'])('is none, and refused as such: %s', (text) => {
    expect(() => parse(text)).toThrow(noJson)
  })
})
