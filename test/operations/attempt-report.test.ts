import { Registry } from 'prom-client'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import { describeCause } from '../../src/operations/call/attempt-report.ts'
import { createTestDatabase } from '../kit/database/test-database.ts'
import { hangMs } from '../kit/limits.ts'
import { freePort } from '../kit/network/free-port.ts'
import { openWorkshop, type Workshop } from '../kit/rooms/workshop.ts'
import { makeFolder, removeFolder } from '../kit/temporary-folder.ts'
import { until } from '../kit/until.ts'
import { image } from '../kit/upstream/image-replies.ts'
import { type ScriptedUpstream, startScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'

let database: Database
let folder: string
let provider: ScriptedUpstream
let metrics: Registry
let workshop: Workshop | null = null

beforeAll(async () => {
  database = await createTestDatabase()
  folder = await makeFolder()
  provider = await startScriptedUpstream()
})
beforeEach(async () => {
  await workshop?.close()
  workshop = null
  metrics = new Registry()
})
afterAll(async () => {
  await workshop?.close()
  await provider.close()
  await database.close()
  await removeFolder(folder)
})

async function open(providerUrl: string): Promise<Workshop> {
  workshop = await openWorkshop({
    database,
    providerUrl,
    folder,
    metrics,
    limits: { operationTimeoutMs: hangMs },
  })
  return workshop
}

function told({ output }: Workshop, message: string): Record<string, unknown>[] {
  return output.map((line) => JSON.parse(line)).filter(({ msg }) => msg === message)
}

async function untilTold(of: Workshop, message: string): Promise<Record<string, unknown>> {
  await until(() => told(of, message).length > 0)
  return told(of, message)[0] as Record<string, unknown>
}

test('an attempt that ended well is one line and one count', async () => {
  const opened = await open(provider.url)
  const { id } = await opened.submit('a heron')
  await opened.operations.wait(id)
  expect(await untilTold(opened, 'an attempt succeeded')).toMatchObject({
    operationId: id,
    provider: 'paid',
    model: 'gpt-image-2',
    certainty: 'ANSWERED',
    httpStatus: 200,
    upstreamRequestId: expect.stringMatching(/^up-/),
    ms: expect.any(Number),
  })
  expect(await metrics.metrics()).toContain(
    'easel_attempts_total{provider="paid",model="gpt-image-2",certainty="ANSWERED",reason=""} 1',
  )
})

test('an attempt at a provider that is not there says what the system said, and no prompt', async () => {
  const port = await freePort()
  const opened = await open(`http://127.0.0.1:${port}`)
  await opened.submit('a secret heron')
  expect(await untilTold(opened, 'an attempt failed')).toMatchObject({
    certainty: 'UNSENT',
    reason: 'UPSTREAM_UNAVAILABLE',
    upstreamCode: 'ECONNREFUSED',
    cause: expect.stringContaining(`ECONNREFUSED 127.0.0.1:${port}`),
  })
  expect(opened.output.join('\n')).not.toContain('secret heron')
})

test('a deadline that passes between two tries ends with what the last one failed of', async () => {
  const opened = await open(`http://127.0.0.1:${await freePort()}`)
  const { id } = await opened.submit('a late heron')
  // It is told before it is written.
  await until(
    async () =>
      (await database.prisma.attempt.count({ where: { operationId: id, settledAt: { not: null } } })) > 0,
  )
  await database.prisma.$executeRaw`UPDATE operation SET deadline_at = now() WHERE id = ${id}::uuid`
  await opened.operations.wait(id)
  expect(await opened.read(id)).toMatchObject({
    status: 'FAILED',
    error: { reason: 'UPSTREAM_UNAVAILABLE' },
  })
})

test('what a reply without an image says that it took is what the house loses', async () => {
  const opened = await open(provider.url)
  const usage = { input_tokens: 5, output_tokens: 7, total_tokens: 12 }
  provider.answer('an invisible heron', image({ data: [], usage }))
  const { id } = await opened.submit('an invisible heron')
  await opened.operations.wait(id)
  expect(await opened.read(id)).toMatchObject({ status: 'FAILED', error: { reason: 'NO_IMAGE' } })
  const losses = await database.prisma.ledgerEntry.findMany({
    where: { operationId: id, kind: 'PROVIDER_LOSS' },
  })
  expect(losses).toMatchObject([{ tokens: 12n }])
})

test('a cause is told by its codes and names, never by words that may quote a prompt', () => {
  const system = Object.assign(new Error('a secret'), { code: 'ENOSPC' })
  const cause = new TypeError('a prompt', { cause: system })
  expect(describeCause(new Error('words', { cause }))).toBe('Error: TypeError: ENOSPC')
  expect(describeCause(null)).toBeNull()
})
