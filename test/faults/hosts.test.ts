import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { PrismaClient } from '../../src/database/database.ts'
import type { FailpointName } from '../../src/operations/failpoint.ts'
import { checkInvariants } from '../kit/checks/invariants.ts'
import { accepted, ended, readOperation } from '../kit/client/operation-client.ts'
import { lookInto } from '../kit/database/look-into.ts'
import { findPostgres } from '../kit/database/postgres.ts'
import { createPostgresDatabase } from '../kit/database/postgres-database.ts'
import { type GatewayProcess, startGatewayProcess } from '../kit/gateway/gateway-process.ts'
import { paidGatewayOptions } from '../kit/gateway/paid-gateway-options.ts'
import { isLong } from '../kit/limits.ts'
import { startS3Server } from '../kit/storage/s3-server.ts'
import { makeFolder, removeFolder } from '../kit/temporary-folder.ts'
import { until } from '../kit/until.ts'
import { type ScriptedUpstream, startScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'

/** Two machines on one PostgreSQL database, each with a disk of its own. */
describe.skipIf(!findPostgres())('two machines', () => {
  let databaseUrl: string
  let provider: ScriptedUpstream
  let folders: [string, string]
  /** Of the present case, the dead ones too. */
  let gateways: GatewayProcess[]

  beforeEach(async () => {
    databaseUrl = await createPostgresDatabase()
    provider = await startScriptedUpstream()
    folders = [await makeFolder(), await makeFolder()]
    gateways = []
  })
  afterEach(async ({ task }) => {
    try {
      if (task.result?.state !== 'fail') await checkBooks()
    } finally {
      await Promise.all(gateways.map((each) => each.end('SIGKILL')))
      await provider.close()
      await Promise.all(folders.map(removeFolder))
    }
  })

  const look = <T>(work: (prisma: PrismaClient) => Promise<T>) =>
    lookInto({ url: databaseUrl }, ({ prisma }) => work(prisma))

  const checkBooks = () =>
    look((prisma) =>
      checkInvariants({ prisma, provider, folders: [], output: gateways.flatMap(({ output }) => output) }),
    )

  async function start(folder: string, env = {}): Promise<GatewayProcess> {
    const options = { providerUrl: provider.url, folder, databaseUrl, env }
    const gateway = await startGatewayProcess(paidGatewayOptions(options))
    gateways.push(gateway)
    return gateway
  }

  async function leave(gateway: GatewayProcess): Promise<void> {
    expect(await gateway.end('SIGTERM')).toEqual({ code: 0, signal: null })
  }

  /** One machine dies in the gap; the other takes the operation up, and finds no reply on its own disk. */
  async function dieAt(gap: FailpointName, prompt: string, { isLate = false } = {}) {
    const dying = await start(folders[0])
    const { reached } = await dying.arm(gap)
    const id = await accepted(dying, { prompt })
    await reached
    // The time that its lease still has, and where that is meant the one until the deadline, is not waited for.
    await look(
      (prisma) => prisma.$executeRaw`
        UPDATE operation SET lease_until = now(), deadline_at = CASE WHEN ${isLate} THEN now() ELSE deadline_at END`,
    )
    const other = await start(folders[1])
    await look((prisma) => until(async () => (await prisma.operation.findFirstOrThrow()).leaseEpoch > 1))
    return { id, other }
  }

  test.each(isLong ? (['spooled', 'responded'] as const) : (['spooled'] as const))(
    'a reply that lies on the disk of a machine that died (%s) is worth its money once that machine is back',
    async (gap) => {
      const { id, other } = await dieAt(gap, 'a pier far away')
      await until(async () => (await readOperation(other, id)).metadata.stage === 'WAITING_FOR_REPLICA')
      const back = await start(folders[0])
      expect(await ended(other, id)).toMatchObject({ status: 'SUCCEEDED' })
      expect(provider.paidFor('a pier far away')).toBe(1)
      await Promise.all([leave(back), leave(other)])
    },
  )

  test.each(isLong ? (['responded', 'finishing'] as const) : (['finishing'] as const))(
    'with a storage that both share a reply needs no disk of the machine that died (%s)',
    async (gap) => {
      const storage = await startS3Server('shared')
      onTestFinished(async () => void (await storage.close()))
      const env = { EASEL_STORAGE: `s3://shared?endpoint=${storage.endpoint}` }
      const dying = await start(folders[0], env)
      const { reached } = await dying.arm(gap)
      const id = await accepted(dying, { prompt: 'a pier in a bucket' })
      await reached
      await look((prisma) => prisma.$executeRaw`UPDATE operation SET lease_until = now()`)
      await removeFolder(folders[0])
      const other = await start(folders[1], env)
      expect(await ended(other, id)).toMatchObject({ status: 'SUCCEEDED' })
      expect(provider.paidFor('a pier in a bucket')).toBe(1)
      await until(() => [...storage.objects.keys()].every((key) => !key.startsWith('spool/')))
      await leave(other)
    },
  )

  test('an outcome that only a machine knew that stays away is unknown at the deadline', async () => {
    const { id, other } = await dieAt('sent', 'a pier that is gone', { isLate: true })
    expect(await ended(other, id)).toMatchObject({
      status: 'FAILED',
      error: { reason: 'UPSTREAM_OUTCOME_UNKNOWN' },
    })
    expect(provider.calls).toEqual([])
    await leave(other)
  })
})
