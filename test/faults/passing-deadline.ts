import type { TestBed } from '../kit/gateway/test-bed.ts'

const firstTimeoutMs = 2_000

/**
 * A life whose operations have a deadline that passes at a certain point of theirs. An attempt in which it passed before
 * answers null, and is made again with twice the time: a machine that takes longer to get there gets it.
 */
export async function withDeadline<T>(
  bed: Pick<TestBed, 'leave' | 'start'>,
  limits: Record<string, number>,
  attempt: (operationTimeoutMs: number) => Promise<T | null>,
): Promise<T> {
  for (let operationTimeoutMs = firstTimeoutMs; ; operationTimeoutMs *= 2) {
    await bed.leave()
    await bed.start({ limits: { ...limits, operationTimeoutMs } })
    const result = await attempt(operationTimeoutMs)
    if (result !== null) return result
  }
}
