import { afterAll, afterEach, beforeEach } from 'vitest'
import { type CheckOptions, openTestBed, type TestBed, type TestBedOptions } from './test-bed.ts'

export interface SharedBedHabits {
  /** Files of killed lives may still be there after a case. */
  leftovers?: boolean
  /** After the last case the books as a whole are looked at, and the next start has to remove every file. */
  sweeps?: boolean
  /** What the cases need beside a gateway: done whenever a bed is made. */
  prepare?: (bed: TestBed) => Promise<unknown>
  /** The cases look at what `prepare` did: it is as much theirs as what they do. */
  looksBack?: boolean
}

/**
 * One bed for the cases of a `describe`, with the invariants behind each. A case that fails has its bed thrown away with
 * every process of it, and the next one finds a new one: one red is one red.
 */
export function shareTestBed(
  options: TestBedOptions | (() => TestBedOptions),
  { leftovers = false, sweeps = false, prepare, looksBack = false }: SharedBedHabits = {},
): TestBed {
  const check: CheckOptions = { leftovers }
  let bed: TestBed | null = null

  const discard = async (): Promise<void> => {
    const discarded = bed
    bed = null
    await discarded?.close()
  }

  beforeEach(async () => {
    if (!bed) {
      bed = await openTestBed(typeof options === 'function' ? options() : options)
      await prepare?.(bed)?.catch(async (error) => {
        await discard()
        throw error
      })
    }
    if (!looksBack) bed.begin()
  })
  afterEach(async ({ task }) => {
    if (!bed) return
    const hasFailed = task.result?.state === 'fail'
    const broken = hasFailed ? null : await bed.check(check).catch((error: unknown) => error)
    if (!hasFailed && !broken) return
    const report = await bed.report()
    await discard()
    throw new Error(broken ? `${(broken as Error).message}\n${report}` : report)
  })
  afterAll(async () => {
    try {
      if (bed && sweeps) {
        await bed.sweep()
        await bed.check({ whole: true })
      }
    } finally {
      await discard()
    }
  })

  return new Proxy({} as TestBed, {
    get: (_, name) => {
      if (!bed) throw new Error('There is a bed within a case only')
      return Reflect.get(bed, name)
    },
  })
}
