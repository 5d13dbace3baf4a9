import { describe, expect, it } from 'vitest'
import { createGate } from '../../src/images/gate.ts'
import { refusalOf } from './studio.ts'

function createTasks() {
  const log: string[] = []
  const start = (name: string) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const task = async () => {
      log.push(name)
      await promise
    }
    return { task, finish: resolve }
  }
  return { log, start }
}

describe('the gate', () => {
  it('lets as many tasks run as it has slots, in the order of their arrival', async () => {
    const { log, start } = createTasks()
    const gate = createGate({ slots: 2, maxWaiting: 10 })
    const tasks = ['a', 'b', 'c'].map(start)
    const runs = tasks.map(({ task }) => gate.run(task))
    await Promise.resolve()
    await Promise.resolve()
    expect(log).toEqual(['a', 'b'])
    tasks[0]?.finish()
    await runs[0]
    expect(log).toEqual(['a', 'b', 'c'])
    for (const { finish } of tasks) finish()
    await Promise.all(runs)
  })

  it('runs a heavy task alone', async () => {
    const { log, start } = createTasks()
    const gate = createGate({ slots: 2, maxWaiting: 10 })
    const [light, heavy, late] = ['light', 'heavy', 'late'].map(start)
    if (!light || !heavy || !late) throw new Error('three tasks')
    const first = gate.run(light.task)
    const second = gate.run(heavy.task, { slots: 'all' })
    const third = gate.run(late.task)
    light.finish()
    await first
    expect(log).toEqual(['light', 'heavy'])
    heavy.finish()
    await second
    expect(log).toEqual(['light', 'heavy', 'late'])
    late.finish()
    await third
  })

  it('turns away what would wait too long a queue', async () => {
    const { start } = createTasks()
    const gate = createGate({ slots: 1, maxWaiting: 1 })
    const running = start('running')
    const first = gate.run(running.task)
    const second = gate.run(async () => {})
    expect(await refusalOf(gate.run(async () => {}))).toMatchObject({
      code: 'UNAVAILABLE',
      retryAfterMs: 2_000,
    })
    running.finish()
    await Promise.all([first, second])
  })

  it('forgets a waiting task that is aborted and frees the slot of one that fails', async () => {
    const { start } = createTasks()
    const gate = createGate({ slots: 1, maxWaiting: 5 })
    const running = start('running')
    const abort = new AbortController()
    const first = gate.run(running.task)
    const second = gate.run(async () => {}, { signal: abort.signal })
    abort.abort(new Error('left'))
    await expect(second).rejects.toThrow('left')
    running.finish()
    await first
    await expect(gate.run(() => Promise.reject(new Error('failed')))).rejects.toThrow('failed')
    expect(await gate.run(async () => 'free')).toBe('free')
  })
})
