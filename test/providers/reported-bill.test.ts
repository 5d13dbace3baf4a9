import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseBill } from '../../src/catalogue/reported-bill.ts'

test.each([
  [{ cost: 0.04 }, 40_000],
  [{ cost: 0.000123 }, 123],
  [{ cost: 0.000253 }, 253],
  [{ cost: '0.0412' }, 41_200],
  [{ cost: 0.0000001 }, 1],
  [{ cost: 0.0400001 }, 40_001],
  [{ cost: 0 }, 0],
  [{ cost: 0.05, is_byok: false }, 50_000],
  [{ cost_in_usd_ticks: 400_000_000 }, 40_000],
  [{ cost_in_usd_ticks: '400000000' }, 40_000],
  [{ cost_in_usd_ticks: 400_000_001 }, 40_001],
])('the bill of %j is %i millionths of a dollar', (usage, micros) => {
  expect(parseBill(usage)).toEqual({ micros, currency: 'USD' })
})

test.each([
  [undefined],
  [[]],
  [{}],
  [{ cost: null }],
  [{ cost: -0.04 }],
  [{ cost: Number.NaN }],
  [{ cost: 'free' }],
  [{ cost: '4e2' }],
  [{ cost: 10_001 }],
  [{ cost: 0.002, is_byok: true }],
  [{ cost: { total: 1 } }],
  [{ cost_in_usd_ticks: -1 }],
])('%j holds no bill', (usage) => {
  expect(parseBill(usage)).toBeNull()
})

test('every whole number of millionths comes out as it was written', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10_000_000_000 }), (micros) => {
      const dollars = `${Math.floor(micros / 1_000_000)}.${String(micros % 1_000_000).padStart(6, '0')}`
      for (const cost of [dollars, Number(dollars)]) expect(parseBill({ cost })?.micros).toBe(micros)
      expect(parseBill({ cost_in_usd_ticks: micros * 10_000 })?.micros).toBe(micros)
    }),
  )
})
