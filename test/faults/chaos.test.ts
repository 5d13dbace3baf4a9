import { expect, test } from 'vitest'
import { runChaos } from './chaos.ts'

test('CRS-09: a gateway that is killed over and over pays once for each request and ends each once', {
  timeout: 180_000,
}, async () => {
  const { operations, byStatus } = await runChaos({ seed: 20_261_121, kills: 4 })
  expect(operations).toBeGreaterThan(4)
  expect(byStatus.SUCCEEDED).toBeGreaterThan(0)
})
