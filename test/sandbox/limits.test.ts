import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createKeptFiles } from '../../src/sandbox/kept-files.ts'
import { createSlots } from '../../src/sandbox/slots.ts'

describe('slots', () => {
  it('run so many at once, the others in turn, and refuse beyond the line', async () => {
    const { signal } = new AbortController()
    const slots = createSlots({ slots: 2, maxWaiting: 1 })
    const gates = [1, 2, 3].map(() => Promise.withResolvers<void>())
    const started: number[] = []
    const runs = gates.map((gate, at) =>
      slots.run(signal, async () => {
        started.push(at)
        await gate.promise
      }),
    )
    await expect(slots.run(signal, async () => {})).rejects.toThrow('overloaded')
    expect(started).toEqual([0, 1])
    gates[1]?.resolve()
    await runs[1]
    gates[0]?.resolve()
    gates[2]?.resolve()
    await Promise.all(runs)
    expect(started).toEqual([0, 1, 2])
    expect(await slots.run(signal, async () => 'free again')).toBe('free again')
  })

  it('lets the waiting leave, and goes on after a failure', async () => {
    const slots = createSlots({ slots: 1, maxWaiting: 5 })
    const gate = Promise.withResolvers<void>()
    const { signal } = new AbortController()
    const running = slots.run(signal, () => gate.promise)
    const leaving = new AbortController()
    const waiting = slots.run(leaving.signal, async () => 'never')
    const next = slots.run(signal, async () => 'next')
    leaving.abort(new Error('gone'))
    await expect(waiting).rejects.toThrow('gone')
    gate.reject(new Error('broken'))
    await expect(running).rejects.toThrow('broken')
    expect(await next).toBe('next')
  })
})

describe('kept files', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'easel-kept-test-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  it('are bounded in number and age', async () => {
    let [time, count] = [0, 0]
    const files = createKeptFiles({
      folder,
      maxFiles: 2,
      maxAgeMs: 10,
      now: () => time,
      newId: () => `${count++}`,
    })
    for (let at = 0; at < 3; at++) await files.keep(Buffer.from('x'))
    expect(files.find('0.png')).toBeUndefined()
    expect(files.find('1.png')).toEqual({ path: join(folder, '1.png'), mimeType: 'image/png' })
    expect(await readdir(folder)).toEqual(['1.png', '2.png'])
    time = 10
    expect(files.find('2.png')).toBeUndefined()
    const name = await files.keep(Buffer.from('x'), 'jpeg')
    expect(await readdir(folder)).toEqual(['3.jpeg'])
    expect(files.find(name)?.mimeType).toBe('image/jpeg')
  })
})
