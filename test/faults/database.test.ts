import { describe, expect, test } from 'vitest'
import { databaseFailure } from '../../src/database/database-failure.ts'
import { inTransaction } from '../../src/database/transaction.ts'
import { rawId } from '../kit/client/global-id.ts'
import { accepted, ended, generate } from '../kit/client/operation-client.ts'
import type { lookInto } from '../kit/database/look-into.ts'
import { findPostgres, type PostgresServer } from '../kit/database/postgres.ts'
import type { GatewayProcess } from '../kit/gateway/gateway-process.ts'
import { shareTestBed } from '../kit/gateway/shared-bed.ts'
import { isLong } from '../kit/limits.ts'
import type { FaultProxy } from '../kit/network/fault-proxy.ts'
import { after } from '../kit/upstream/image-replies.ts'
import type { ScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'

/** How much a gateway may grow while its database hangs: 40 waiting queries and a reply that cannot be written down. */
const maxGrowthBytes = 48 * 1024 * 1024

/** A gateway whose database is a PostgreSQL server behind a wire that breaks. */
describe.skipIf(!findPostgres())('a database in trouble', () => {
  let postgres: PostgresServer
  let wire: FaultProxy
  let provider: ScriptedUpstream
  let gateway: GatewayProcess
  const bed = shareTestBed(
    {
      database: 'server',
      ownServer: true,
      wires: ['database'],
      limits: { databasePool: 5 },
      // What is told of a server that hangs is told when these have passed.
      databaseTimeouts: {
        poolWaitMs: 5_000,
        lockMs: 4_000,
        statementMs: 8_000,
        transactionMs: 10_000,
        queryMs: 12_000,
      },
    },
    {
      // Whoever never heard that its last transaction was committed left the reply on the disk.
      leftovers: true,
      sweeps: isLong,
      prepare: async (opened) => {
        postgres = opened.postgres as PostgresServer
        wire = opened.wire('database')
        ;({ provider, gateway } = opened)
      },
    },
  )

  const count = <T>(
    look: (prisma: Parameters<Parameters<typeof lookInto<T>>[1]>[0]['prisma']) => Promise<T>,
  ) => bed.look(({ prisma }) => look(prisma))

  test('DBF-02: a lost answer to the COMMIT that accepts is found out: one operation, one reservation', async () => {
    const dropped = wire.dropReply({ from: /INSERT INTO operation \(/, to: /INSERT INTO operation \(/ })
    const prompt = 'a commit of acceptance'
    const [{ data, errors }] = await Promise.all([
      generate(gateway, { prompt, requestId: 'lost-1' }),
      dropped,
    ])
    expect(errors).toBeUndefined()
    expect(await ended(gateway, data.generateImage.id)).toMatchObject({ status: 'SUCCEEDED' })
    expect(provider.paidFor(prompt)).toBe(1)
    const operationId = rawId(data.generateImage.id)
    expect(
      await count((prisma) => prisma.ledgerEntry.count({ where: { operationId, kind: 'RESERVE' } })),
    ).toBe(1)
    expect(await count((prisma) => prisma.operation.count({ where: { requestId: 'lost-1' } }))).toBe(1)
  })

  test('DBF-03: a lost answer to the COMMIT that ends charges once', async () => {
    const dropped = wire.dropReply({ from: /UPDATE operation\s+SET status/, to: /COMMIT/ })
    const prompt = 'a commit of the end'
    const id = await accepted(gateway, { prompt })
    await dropped
    expect(await ended(gateway, id)).toMatchObject({ status: 'SUCCEEDED' })
    const operationId = rawId(id)
    expect(
      await count((prisma) => prisma.ledgerEntry.count({ where: { operationId, kind: 'CAPTURE' } })),
    ).toBe(1)
    expect(provider.paidFor(prompt)).toBe(1)
  })

  test('DBF-03: a lost answer to the mark as sent sends nothing, and is tried again', async () => {
    const dropped = wire.dropReply({ from: /WITH held AS/, to: /WITH held AS/ })
    const prompt = 'a mark of sending'
    const id = await accepted(gateway, { prompt })
    await dropped
    const operation = await ended(gateway, id)
    expect(operation).toMatchObject({ status: 'SUCCEEDED', metadata: { attempts: 2 } })
    expect(provider.paidFor(prompt)).toBe(1)
  })

  test('DBF-04: that hangs is waited for within bounds, told as UNAVAILABLE, and works again by itself', async () => {
    const prompt = 'a long wait'
    const { rssBytes: before } = await gateway.vitals()
    const answered = Promise.withResolvers<void>()
    provider.answer(prompt, after(answered.promise))
    const id = await accepted(gateway, { prompt })
    await provider.until((calls) => calls.some((call) => call.prompt === prompt))
    wire.freeze(true)
    const answers = Promise.all(
      Array.from({ length: 40 }, () =>
        gateway.graphql('{ viewer { id } operations { edges { node { id } } } }'),
      ),
    )
    // What is paid for arrives while nothing can be written down.
    answered.resolve()
    const first = await Promise.race([answers, generate(gateway, { prompt: 'asked while it hangs' })])
    expect(JSON.stringify(first)).toContain('"UNAVAILABLE"')
    expect(JSON.stringify(first)).toContain('retryAfterMs')
    wire.freeze(false)
    await answers
    expect(await ended(gateway, id)).toMatchObject({ status: 'SUCCEEDED' })
    expect(provider.paidFor(prompt)).toBe(1)
    const { peakRssBytes, rssBytes: behind } = await gateway.vitals()
    expect(peakRssBytes - before, 'while it hung').toBeLessThan(maxGrowthBytes)
    expect(behind - before, 'behind it').toBeLessThan(maxGrowthBytes)
  })

  test('DBF-05: with five connections serves five hundred queries and twenty operations at once', async () => {
    const prompts = Array.from({ length: 20 }, (_, index) => `a crowded pool ${index}`)
    const queries = Promise.all(
      Array.from({ length: 500 }, () =>
        gateway.graphql('{ operations(first: 5) { edges { node { id metadata { attempts } } } } }'),
      ),
    )
    const submitted = await Promise.all(prompts.map((prompt) => generate(gateway, { prompt })))
    const answers = await queries
    const codes = new Set(
      [...answers, ...submitted].flatMap(({ errors }) => errors?.map((each) => each.extensions.code) ?? []),
    )
    expect([...codes].filter((code) => code !== 'UNAVAILABLE')).toEqual([])
    const ids = submitted.flatMap(({ data }) => data?.generateImage?.id ?? [])
    const operations = await Promise.all(ids.map((id) => ended(gateway, id)))
    expect(operations.every(({ status }) => status === 'SUCCEEDED')).toBe(true)
  })

  test('DBF-06: two transactions that wait for each other both get done', async () => {
    await bed.look(async ({ prisma }) => {
      const [a, b] = ['a', 'b'].map((name) => ({ id: crypto.randomUUID(), name }))
      if (!a || !b) return
      await prisma.user.createMany({ data: [a, b] })
      const both = Promise.withResolvers<void>()
      let arrived = 0
      let runs = 0
      const rename = (first: string, second: string) =>
        inTransaction(prisma, async (tx) => {
          runs += 1
          await tx.user.update({ where: { id: first }, data: { name: 'renamed' } })
          arrived += 1
          if (arrived === 2) both.resolve()
          await both.promise
          await tx.user.update({ where: { id: second }, data: { name: 'renamed' } })
        })
      await Promise.all([rename(a.id, b.id), rename(b.id, a.id)])
      expect(runs).toBeGreaterThan(2)
    })
  })

  test('DBF-06: an error that is no conflict is not tried again', async () => {
    await bed.look(async ({ prisma }) => {
      let runs = 0
      const failing = inTransaction(prisma, async (tx) => {
        runs += 1
        await tx.$executeRaw`SELECT 1 / 0`
      })
      await expect(failing).rejects.toThrow()
      expect(runs).toBe(1)
      expect(databaseFailure(await failing.catch((error: unknown) => error))).toBeNull()
    })
  })

  test('DBF-01: that crashes under load loses nothing that was accepted, and refuses the rest as UNAVAILABLE', async () => {
    const prompts = Array.from({ length: 30 }, (_, index) => `a power cut ${index}`)
    const submitted = Promise.all(
      prompts.map((prompt, index) => generate(gateway, { prompt, requestId: `cut-${index}` })),
    )
    await provider.until((calls) => calls.some(({ prompt }) => prompt.startsWith('a power cut')))
    await postgres.crash()
    await postgres.restart()
    const answers = await submitted
    const codes = answers.flatMap(({ errors }) => errors?.map(({ extensions }) => extensions.code) ?? [])
    expect(codes.filter((code) => code !== 'UNAVAILABLE')).toEqual([])
    // A client does what it was told: it tries again, under the same request id.
    const ids = await Promise.all(
      prompts.map(async (prompt, index) => {
        for (;;) {
          const { data } = await generate(gateway, { prompt, requestId: `cut-${index}` })
          if (data?.generateImage) return data.generateImage.id
        }
      }),
    )
    answers.forEach(({ data }, index) => {
      if (data?.generateImage) expect(data.generateImage.id).toBe(ids[index])
    })
    const operations = await Promise.all(ids.map((id) => ended(gateway, id)))
    const reasons = operations.flatMap(({ error }) => error?.reason ?? [])
    expect(reasons.filter((reason) => reason !== 'UPSTREAM_OUTCOME_UNKNOWN')).toEqual([])
    for (const prompt of prompts) expect(provider.paidFor(prompt)).toBeLessThanOrEqual(1)
  })
})
