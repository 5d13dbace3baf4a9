import { parse } from 'graphql'
import { describe, expect, it } from 'vitest'
import { countComparisons } from '../../src/server/graphql/field-comparisons.ts'

const count = (query: string, allowed = 1_000_000) => countComparisons(parse(query), allowed)
const many = (times: number, text: (index: number) => string) =>
  Array.from({ length: times }, (_, i) => text(i)).join(' ')

describe('the comparisons that a document asks validation for', () => {
  it('are one for each pair of fields with the same name, and those of their selections', () => {
    // Three fields and their three selections are read; each of three pairs is met, and has one name and one pair within.
    expect(count('{ viewer { id(a: 1) } viewer { id(a: 1) } viewer { id(a: 1) } }')).toBe(3 + 3 + 3 + 3 + 3)
    expect(count(`{ ${many(30, (i) => `a${i}: viewer { id }`)} }`)).toBe(60)
  })

  it('see through inline fragments, spreads and aliases', () => {
    const plain = '{ a: viewer { id } a: viewer { id } }'
    const hidden = [
      '{ ... { a: viewer { id } } ... on Query { a: viewer { id } } }',
      '{ a: viewer { id } ...F } fragment F on Query { a: viewer { id } }',
    ]
    for (const query of hidden) expect(count(query)).toBeGreaterThan(count(plain))
  })

  it('count in fragments that no operation uses', () => {
    const twice = many(40, () => 'viewer { id }')
    const unused = `{ viewer { id } } fragment F on Query { ${twice} }`
    expect(count(unused)).toBeGreaterThan(40 * 39 * 0.5)
    expect(count(unused)).toBe(count(`{ ${twice} }`) + count('{ viewer { id } }'))
  })

  it('leave out fields that have neither arguments nor selections, and fragments that are spread again', () => {
    expect(count(`{ ${many(1_000, () => 'hello')} }`)).toBe(1_000)
    const again = `{ ${many(10, () => '...F')} } fragment F on Query { viewer { id } }`
    // Ten spreads and the one field behind them, the set of the fragment, and that of the field.
    expect(count(again)).toBe(11 + 1 + 1)
  })

  it.each<[string, string]>([
    ['a fragment in itself', '{ ...F } fragment F on Query { self { ...F } self { ...F } }'],
    [
      'fragments in circles',
      `{ ...F0 } ${many(60, (i) => `fragment F${i} on Query { self { ...F${(i + 1) % 60} } self { ...F${(i + 7) % 60} } }`)}`,
    ],
    [
      'a chain',
      `{ ...F0 } ${many(600, (i) => `fragment F${i} on Query { ...F${i + 1} }`)} fragment F600 on Query { id }`,
    ],
    [
      'fragments of fragments, doubling',
      `{ ...F0 } ${many(60, (i) => `fragment F${i} on Query { ...F${i + 1} ...F${i + 1} }`)} fragment F60 on Query { id }`,
    ],
    [
      'fields by the cube',
      `{ ${many(12, () => `self { ${many(12, () => `self { ${many(12, () => 'self { id }')} }`)} }`)} }`,
    ],
    ['fields in a row', `{ ${many(990, () => 'viewer { id }')} }`],
  ])('end, and one beyond what is allowed at the latest: %s', (_, query) => {
    for (const allowed of [0, 10, 10_000]) expect(count(query, allowed)).toBeLessThanOrEqual(allowed + 1)
  })
})
