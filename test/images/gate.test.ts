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

describe('users at the gate', () => {
  it('take turns, however much one of them brought before', async () => {
    const gate = createGate({ slots: 1, maxWaiting: 100 })
    const log: string[] = []
    const run = (userId: string) => gate.run(async () => void log.push(userId), { userId })
    await Promise.all([...Array.from({ length: 50 }, () => run('eve')), run('ann'), run('bob'), run('ann')])
    expect(log.slice(0, 7)).toEqual(['eve', 'eve', 'ann', 'bob', 'eve', 'ann', 'eve'])
    expect(log).toHaveLength(53)
  })

  it('have a share of the line, and the gateway has its own work done beyond it', async () => {
    const { start } = createTasks()
    const gate = createGate({ slots: 1, maxWaiting: 10, maxWaitingPerUser: 2 })
    const running = start('running')
    const runs = [gate.run(running.task)]
    const wait = (userId: string | null) => gate.run(async () => {}, { userId })
    runs.push(wait('eve'), wait('eve'))
    expect(await refusalOf(wait('eve'))).toMatchObject({ code: 'UNAVAILABLE', reason: 'IMAGES_BUSY' })
    runs.push(wait('ann'), wait(null), wait(null), wait(null))
    running.finish()
    await Promise.all(runs)
    await wait('eve')
  })

  it('keep their turn when the task before is aborted', async () => {
    const { start, log } = createTasks()
    const gate = createGate({ slots: 1, maxWaiting: 10 })
    const running = start('running')
    const abort = new AbortController()
    const first = gate.run(running.task)
    const left = gate.run(async () => {}, { userId: 'eve', signal: abort.signal })
    const late = gate.run(async () => void log.push('ann'), { userId: 'ann' })
    abort.abort(new Error('left'))
    await expect(left).rejects.toThrow('left')
    running.finish()
    await Promise.all([first, late])
    expect(log).toEqual(['running', 'ann'])
  })
})

describe('the lane behind', () => {
  it('begins nothing while something waits in front', async () => {
    const { log, start } = createTasks()
    const gate = createGate({ slots: 1, maxWaiting: 10 })
    const lane = gate.laneBehind({ maxWaiting: 10 })
    const [copy, copies, upload] = ['copy', 'second copy', 'upload'].map(start)
    if (!copy || !copies || !upload) throw new Error('three tasks')
    const runs = [lane.run(copy.task), lane.run(copies.task), gate.run(upload.task)]
    for (const { finish } of [copy, copies, upload]) finish()
    await Promise.all(runs)
    expect(log).toEqual(['copy', 'upload', 'second copy'])
  })

  it('leaves a slot free where there are two, even to a task that would run alone', async () => {
    const { log, start } = createTasks()
    const gate = createGate({ slots: 2, maxWaiting: 10 })
    const lane = gate.laneBehind({ maxWaiting: 10 })
    const [copy, second, upload] = ['copy', 'second copy', 'upload'].map(start)
    if (!copy || !second || !upload) throw new Error('three tasks')
    const runs = [lane.run(copy.task, { slots: 'all' }), lane.run(second.task)]
    const uploaded = gate.run(upload.task)
    upload.finish()
    await uploaded
    expect(log).toEqual(['copy', 'upload'])
    copy.finish()
    second.finish()
    await Promise.all(runs)
  })

  it('gives way to a task in front that takes every slot', async () => {
    const { log, start } = createTasks()
    const gate = createGate({ slots: 2, maxWaiting: 10 })
    const lane = gate.laneBehind({ maxWaiting: 10 })
    const [copy, second, heavy] = ['copy', 'second copy', 'heavy'].map(start)
    if (!copy || !second || !heavy) throw new Error('three tasks')
    const first = lane.run(copy.task)
    const runs = [lane.run(second.task), gate.run(heavy.task, { slots: 'all' })]
    copy.finish()
    await first
    expect(log).toEqual(['copy', 'heavy'])
    heavy.finish()
    second.finish()
    await Promise.all(runs)
    expect(log).toEqual(['copy', 'heavy', 'second copy'])
  })

  it('has a line of its own, so its waiting tasks turn nobody away in front', async () => {
    const { start } = createTasks()
    const gate = createGate({ slots: 1, maxWaiting: 1 })
    const lane = gate.laneBehind({ maxWaiting: 1 })
    const running = start('running')
    const runs = [gate.run(running.task), lane.run(async () => {})]
    expect(await refusalOf(lane.run(async () => {}))).toMatchObject({ reason: 'IMAGES_BUSY' })
    runs.push(gate.run(async () => {}))
    running.finish()
    await Promise.all(runs)
  })
})
