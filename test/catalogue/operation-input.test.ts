import { describe, expect, test } from 'vitest'
import {
  emptyInput,
  fillInput,
  readInput,
  readValue,
  writeInput,
} from '../../src/catalogue/operation-input.ts'

const full = fillInput({
  prompt: 'a teapot',
  messages: [{ text: 'rose', weight: 2 }],
  n: 2,
  quality: 'HIGH',
  seed: 2n ** 63n - 1n,
  aspectRatio: { widthRatio: 2n, heightRatio: 1n },
})

describe('the input of an operation', () => {
  test('has every default filled in, for nothing and for null', () => {
    expect(emptyInput).toMatchObject({ prompt: null, n: 1, partialImages: 0, stream: false, seed: null })
    expect(fillInput({ n: null, stream: null, prompt: null, seed: undefined })).toEqual(emptyInput)
    expect(fillInput({ messages: [{ text: 'rose' }] }).messages).toEqual([{ text: 'rose', weight: null }])
  })

  test('has no field that is no parameter', () => {
    expect(() => fillInput({ prompt: 'a teapot', colour: 'red' } as object)).toThrow('colour')
  })

  test('is kept as JSON and read again as it was', () => {
    const kept = JSON.parse(JSON.stringify(writeInput(full)))
    expect(kept).toMatchObject({
      seed: '9223372036854775807',
      aspectRatio: { widthRatio: '2', heightRatio: '1' },
    })
    expect(readInput(kept)).toEqual(full)
    expect(readValue(kept, 'seed')).toBe(2n ** 63n - 1n)
  })

  test('that an older version kept is read with the defaults of what it did not know', () => {
    expect(readInput({ prompt: 'a teapot', model: null, n: 3 })).toEqual({
      ...emptyInput,
      prompt: 'a teapot',
      n: 3,
    })
    expect(readInput({})).toEqual(emptyInput)
  })

  test('that another version kept is read without what this one does not know', () => {
    const kept = { ...writeInput(full), colour: 'red', quality: 'GLORIOUS', seed: 'many', n: 'two' }
    expect(readInput(kept)).toEqual({ ...full, quality: null, seed: null, n: 1 })
    expect(readValue(kept, 'quality')).toBeNull()
  })

  test.each([null, undefined, 'text', 7, [[]]])(
    'that makes no sense at all (%j) is read as nothing',
    (kept) => {
      expect(readInput(kept)).toEqual(emptyInput)
      expect(readValue(kept, 'n')).toBe(1)
    },
  )
})
