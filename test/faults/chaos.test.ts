import { expect, test } from 'vitest'
import { databases } from '../kit/gateway/test-bed.ts'
import { runChaos } from './chaos.ts'

/** A server has more ways to stand still, and each takes its time. */
const trouble = { embedded: { kills: 2, stalls: 1 }, server: { kills: 1, stalls: 2 } } as const

test.each(databases)(
  'CRS-09: a gateway that is killed and stalled over and over pays once for each request and ends each once (%s)',
  async (database) => {
    const { byStatus } = await runChaos({ seed: 20_261_121, database, ...trouble[database] })
    expect(byStatus.SUCCEEDED).toBeGreaterThan(0)
  },
)
