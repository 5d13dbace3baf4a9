import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PrismaClient } from '../../src/database/database.ts'
import type { FailpointName } from '../../src/operations/failpoint.ts'
import { checkInvariants } from '../kit/checks/invariants.ts'
import { rawId } from '../kit/client/global-id.ts'
import { accepted, ended, generate, readOperation } from '../kit/client/operation-client.ts'
import { lookInto } from '../kit/database/look-into.ts'
import { findPostgres } from '../kit/database/postgres.ts'
import { createPostgresDatabase } from '../kit/database/postgres-database.ts'
import { type GatewayProcess, startGatewayProcess } from '../kit/gateway/gateway-process.ts'
import { paidGatewayOptions } from '../kit/gateway/paid-gateway-options.ts'
import { startS3Server } from '../kit/storage/s3-server.ts'
import { makeFolder, removeFolder } from '../kit/temporary-folder.ts'
import { until } from '../kit/until.ts'
import { type ScriptedUpstream, startScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'

/*
 * Two machines on one PostgreSQL database, each with a disk of its own. One dies with an operation in each of some gaps;
 * the other takes them up, and finds no reply on its own disk.
 */

const inputOf = (gap: FailpointName) => ({ prompt: `a pier, ${gap}`, requestId: `pier-${gap}` })

describe.skipIf(!findPostgres())('two machines', () => {
  const machines = shareMachines()
  const onDisk = ['spooled', 'responded'] as const
  let other: GatewayProcess
  let gone: string

  beforeAll(async () => {
    const dying = await machines.start(0)
    for (const gap of ['sent', ...onDisk] as const) await holdAt(dying, gap)
    gone = await accepted(dying, inputOf('sent'))
    await dying.end('SIGKILL')
    await machines.letLeasesPass()
    // Nor is the time until the deadline waited for.
    await machines.look((prisma) =>
      prisma.operation.update({ where: { id: rawId(gone) }, data: { deadlineAt: new Date() } }),
    )
    other = await machines.start(1)
  })

  test('an outcome that only a machine knew that stays away is unknown at the deadline', async () => {
    expect(await ended(other, gone)).toMatchObject({
      status: 'FAILED',
      error: { reason: 'UPSTREAM_OUTCOME_UNKNOWN' },
    })
    expect(machines.provider.calls.filter(({ prompt }) => prompt === inputOf('sent').prompt)).toEqual([])
  })

  describe('of which the dead one comes back', () => {
    beforeAll(async () => {
      const ids = await Promise.all(onDisk.map((gap) => accepted(other, inputOf(gap))))
      for (const id of ids)
        await until(async () => (await readOperation(other, id)).metadata.stage === 'WAITING_FOR_REPLICA')
      await machines.start(0)
    })

    test.each(onDisk)(
      'a reply that lies on the disk of a machine that died (%s) is worth its money once that machine is back',
      async (gap) => {
        const id = await accepted(other, inputOf(gap))
        expect(await ended(other, id)).toMatchObject({ status: 'SUCCEEDED' })
        expect(machines.provider.paidFor(inputOf(gap).prompt)).toBe(1)
      },
    )
  })
})

describe.skipIf(!findPostgres())('two machines', () => {
  let storage: Awaited<ReturnType<typeof startS3Server>>
  // Behind the machines that use it: the last hook is the first to run.
  afterAll(async () => void (await storage.close()))
  const machines = shareMachines()
  let other: GatewayProcess

  beforeAll(async () => {
    storage = await startS3Server('shared')
    const env = { EASEL_STORAGE: `s3://shared?endpoint=${storage.endpoint}` }
    const dying = await machines.start(0, env)
    await holdAt(dying, 'responded')
    const { reached } = await dying.arm('finishing')
    void generate(dying, inputOf('finishing')).catch(() => {})
    await reached
    await machines.letLeasesPass()
    await removeFolder(machines.folders[0])
    other = await machines.start(1, env)
  })

  test.each(['responded', 'finishing'] as const)(
    'with a storage that both share a reply needs no disk of the machine that died (%s)',
    async (gap) => {
      const id = await accepted(other, inputOf(gap))
      expect(await ended(other, id)).toMatchObject({ status: 'SUCCEEDED' })
      expect(machines.provider.paidFor(inputOf(gap).prompt)).toBe(1)
      await until(() => [...storage.objects.keys()].every((key) => !key.startsWith('spool/')))
    },
  )
})

async function holdAt(gateway: GatewayProcess, gap: FailpointName): Promise<void> {
  const { reached } = await gateway.arm(gap, { how: 'HOLD' })
  await accepted(gateway, inputOf(gap))
  await reached
}

/** What the cases of a `describe` share, with the invariants behind the last one. */
function shareMachines() {
  let databaseUrl: string
  let provider: ScriptedUpstream
  let folders: [string, string]
  /** The dead ones too. */
  const gateways: GatewayProcess[] = []

  beforeAll(async () => {
    databaseUrl = await createPostgresDatabase()
    provider = await startScriptedUpstream()
    folders = [await makeFolder(), await makeFolder()]
  })
  afterAll(async () => {
    try {
      for (const each of gateways.filter(({ hasExited }) => !hasExited()))
        expect(await each.end('SIGTERM')).toEqual({ code: 0, signal: null })
      const output = gateways.flatMap((each) => each.output)
      await look((prisma) => checkInvariants({ prisma, provider, folders: [], output }))
    } finally {
      await Promise.all(gateways.map((each) => each.end('SIGKILL')))
      await provider.close()
      await Promise.all(folders.map(removeFolder))
    }
  })

  const look = <T>(work: (prisma: PrismaClient) => Promise<T>) =>
    lookInto({ url: databaseUrl }, ({ prisma }) => work(prisma))

  return {
    get provider() {
      return provider
    },
    get folders() {
      return folders
    },
    look,
    /** The time that the leases of a dead one still have is not waited for. */
    letLeasesPass: () => look((prisma) => prisma.$executeRaw`UPDATE operation SET lease_until = now()`),
    start: async (machine: 0 | 1, env = {}) => {
      const options = { providerUrl: provider.url, folder: folders[machine], databaseUrl, env }
      const gateway = await startGatewayProcess(paidGatewayOptions(options))
      gateways.push(gateway)
      return gateway
    },
  }
}
