import type { TestBed } from '../kit/gateway/test-bed.ts'

/** Of the life in which the first attempt is made. */
export const firstDeadline = { operationTimeoutMs: 2_000 }

/**
 * A deadline of operations that passes at a certain point of theirs. An attempt in which it passed before answers null,
 * and is made again in a life with twice the time: a machine that takes longer to get there gets it.
 */
export async function withDeadline<T>(
  bed: Pick<TestBed, 'leave' | 'start'>,
  limits: Record<string, number>,
  attempt: (operationTimeoutMs: number) => Promise<T | null>,
): Promise<T> {
  for (let { operationTimeoutMs } = firstDeadline; ; operationTimeoutMs *= 2) {
    if (operationTimeoutMs > firstDeadline.operationTimeoutMs) {
      await bed.leave()
      await bed.start({ limits: { ...limits, operationTimeoutMs } })
    }
    const result = await attempt(operationTimeoutMs)
    if (result !== null) return result
  }
}
