import { describe, expect, it } from 'vitest'
import { remember } from '../../src/server/http/brief-memory.ts'

describe('an answer that is remembered', () => {
  it('is asked for once in its time, also by those who ask at once', async () => {
    let [asked, time] = [0, 0]
    const ask = remember(async () => ++asked, { forMs: 1_000, uptimeMs: () => time })
    expect(await Promise.all([ask(), ask(), ask()])).toEqual([1, 1, 1])
    time = 999
    expect(await ask()).toBe(1)
    time = 1_000
    expect(await Promise.all([ask(), ask()])).toEqual([2, 2])
  })

  it('is asked for again at once where it failed', async () => {
    let asked = 0
    const ask = remember(
      async () => {
        asked += 1
        if (asked === 1) throw new Error('not yet')
        return asked
      },
      { forMs: 1_000, uptimeMs: () => 0 },
    )
    await expect(ask()).rejects.toThrow('not yet')
    expect(await ask()).toBe(2)
  })
})
