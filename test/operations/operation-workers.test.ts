import { expect, test } from 'vitest'
import { createWorkers } from '../../src/operations/run/operation-workers.ts'

/** Runs that end when they are told to, in the order in which they began. */
function scripted() {
  const begun: { operationId: string; end: () => void; shutdown: AbortSignal }[] = []
  const run = (operationId: string, shutdown: AbortSignal) =>
    new Promise<void>((resolve) => begun.push({ operationId, end: resolve, shutdown }))
  return { begun, workers: createWorkers(run) }
}

const nextTurn = () => new Promise((resolve) => setImmediate(resolve))

test('a job that comes while its operation is being put down is done afterwards, and the drain waits for it', async () => {
  const { begun, workers } = scripted()
  const first = workers.work('a')
  const second = workers.work('a')
  await second
  expect(begun).toHaveLength(1)
  begun[0]?.end()
  await nextTurn()
  expect(begun).toHaveLength(2)

  let isDrained = false
  const drained = workers.drain(10_000).then(() => {
    isDrained = true
  })
  await nextTurn()
  expect(isDrained).toBe(false)
  expect(begun[1]?.shutdown.aborted).toBe(false)
  begun[1]?.end()
  await Promise.all([first, drained])
  expect(isDrained).toBe(true)
})

test('while it drains a process begins nothing: its jobs go back to the queue', async () => {
  const { begun, workers } = scripted()
  const running = workers.work('a')
  await workers.work('a')
  const drained = workers.drain(10_000)
  await expect(workers.work('b')).rejects.toThrow('shutting down')
  begun[0]?.end()
  await expect(running).rejects.toThrow('shutting down')
  await drained
  expect(begun).toHaveLength(1)
})

test('who waits for an operation is sent away from a drain once it does not run here', async () => {
  const { begun, workers } = scripted()
  const running = workers.work('a')
  const drained = workers.drain(10_000)
  const [here, elsewhere] = [workers.waitSignal('a'), workers.waitSignal('b')]
  expect([here.signal.aborted, elsewhere.signal.aborted]).toEqual([false, true])
  begun[0]?.end()
  await Promise.all([running, drained])
  expect(here.signal.aborted).toBe(true)
})
