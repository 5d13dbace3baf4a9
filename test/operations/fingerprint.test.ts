import { describe, expect, test } from 'vitest'
import { emptyInput } from '../../src/catalogue/operation-input.ts'
import { fingerprint } from '../../src/operations/accept/fingerprint.ts'

const input = { ...emptyInput, prompt: 'a teapot' }
const files = [{ path: 'image.0', content: 'sha256:aa' }]
const print = fingerprint(input, files)

describe('the fingerprint of a request', () => {
  test('is the one that earlier versions have kept', () => {
    const seeded = { ...input, seed: 5n, messages: [{ text: 'rose', weight: null }] }
    expect(fingerprint(seeded, files)).toBe(
      'b6dde89f6e140f1fa36f840fb384294fe3988b567ff6e3e04bfdb03b4c85fdea',
    )
  })

  test('is the same whatever the order of the keys', () => {
    const reversed = Object.fromEntries(Object.entries(input).reverse()) as typeof input
    expect(fingerprint(reversed, files)).toBe(print)
  })

  test.each([
    ['one character of the prompt', { ...input, prompt: 'a teapoT' }, files],
    ['one byte of a file', input, [{ path: 'image.0', content: 'sha256:ab' }]],
    ['where a file stands', input, [{ path: 'mask', content: 'sha256:aa' }]],
    ['a parameter', { ...input, n: 2 }, files],
  ])('changes with %s', (_, otherInput, otherFiles) => {
    expect(fingerprint(otherInput, otherFiles)).not.toBe(print)
  })
})
