import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import { checkInvariants } from '../kit/checks/invariants.ts'
import { createTestDatabase } from '../kit/database/test-database.ts'
import { openWorkshop, type Workshop } from '../kit/rooms/workshop.ts'
import { makeFolder, removeFolder } from '../kit/temporary-folder.ts'
import { until } from '../kit/until.ts'
import { after, usage } from '../kit/upstream/image-replies.ts'
import { type ScriptedUpstream, startScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'

const hourMs = 3_600_000
const leaseMs = 1_000
let database: Database
let provider: ScriptedUpstream
let folder: string
let workshop: Workshop
let skewMs: number

beforeEach(async () => {
  skewMs = 0
  database = await createTestDatabase()
  provider = await startScriptedUpstream()
  folder = await makeFolder()
  const now = () => new Date(Date.now() + skewMs)
  workshop = await openWorkshop({ database, providerUrl: provider.url, folder, now, limits: { leaseMs } })
})
afterEach(async () => {
  await workshop.close()
  await checkInvariants({ prisma: database.prisma, provider, folders: [folder], output: workshop.output })
  await database.close()
  await provider.close()
  await removeFolder(folder)
})

/** Resolves when the lease has been extended by more than its length. */
async function leaseRenewed(id: string): Promise<void> {
  const leaseUntil = async () =>
    (await database.prisma.operation.findUniqueOrThrow({ where: { id } })).leaseUntil?.getTime() ?? 0
  const first = await leaseUntil()
  await until(async () => (await leaseUntil()) > first + leaseMs)
}

describe.each([
  ['an hour ahead', hourMs],
  ['an hour behind', -hourMs],
])('SYS-07: a clock that jumps %s', (_, jump) => {
  test('ends no operation early and gives none away, before or during a call', async () => {
    const answered = Promise.withResolvers<void>()
    provider.answer('a sundial', after(answered.promise))
    const running = await workshop.submit('a sundial')
    await provider.until((calls) => calls.length === 1)
    skewMs = jump
    const later = await workshop.submit('a second sundial')
    await workshop.operations.wait(later.id)
    // Longer than a lease, so that whoever believes the clock would have taken it.
    await leaseRenewed(running.id)
    answered.resolve()
    await workshop.operations.wait(running.id)
    expect(await workshop.read(running.id)).toMatchObject({ status: 'SUCCEEDED', leaseEpoch: 1 })
    expect(await workshop.read(later.id)).toMatchObject({ status: 'SUCCEEDED', leaseEpoch: 1 })
  })
})

test('MON-13: what was reserved before midnight is used before midnight, whenever it ends', async () => {
  const answered = Promise.withResolvers<void>()
  provider.answer('a night sky', after(answered.promise))
  const { id } = await workshop.submit('a night sky')
  await provider.until((calls) => calls.length === 1)
  skewMs = 32 * 24 * hourMs
  answered.resolve()
  await workshop.operations.wait(id)
  const windows = await database.prisma.spending.findMany({ orderBy: { period: 'asc' } })
  expect(windows).toHaveLength(3)
  expect(windows.map(({ tokensUsed, tokensReserved }) => ({ tokensUsed, tokensReserved }))).toEqual(
    windows.map(() => ({ tokensUsed: BigInt(usage.total_tokens), tokensReserved: 0n })),
  )
})
