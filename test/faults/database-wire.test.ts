import { describe, expect, test } from 'vitest'
import { rawId } from '../kit/client/global-id.ts'
import { accepted, ended, generate, type OperationAnswer } from '../kit/client/operation-client.ts'
import { findPostgres } from '../kit/database/postgres.ts'
import { shareTestBed } from '../kit/gateway/shared-bed.ts'
import type { FaultProxy } from '../kit/network/fault-proxy.ts'
import { until } from '../kit/until.ts'
import { after } from '../kit/upstream/image-replies.ts'

/** What the wire to a PostgreSQL server may do to an operation that is being paid for. */
describe.skipIf(!findPostgres())('a wire to the database', () => {
  let wire: FaultProxy
  const bed = shareTestBed(
    { database: 'server', wires: ['database'] },
    {
      prepare: async (opened) => {
        wire = opened.wire('database')
      },
    },
  )

  /** Submits, and waits until the provider works; its answer comes when it is told to. */
  async function atWork(prompt: string): Promise<{ id: string; answer: () => void }> {
    const { promise, resolve } = Promise.withResolvers<void>()
    bed.provider.answer(prompt, after(promise))
    const id = await accepted(bed.gateway, { prompt })
    await bed.provider.until((calls) => calls.some((call) => call.prompt === prompt))
    return { id, answer: resolve }
  }

  async function succeededOnce(operation: OperationAnswer, prompt: string): Promise<void> {
    expect(operation).toMatchObject({ status: 'SUCCEEDED', metadata: { attempts: 1 } })
    const asked = bed.provider.calls.filter((call) => call.prompt === prompt)
    expect({ asked: asked.length, paid: bed.provider.paidFor(prompt) }).toEqual({ asked: 1, paid: 1 })
    const entries = await bed.look(({ prisma }) =>
      prisma.ledgerEntry.findMany({ where: { operationId: rawId(operation.id) }, orderBy: { kind: 'asc' } }),
    )
    expect(entries.map(({ kind }) => kind).sort()).toEqual(['CAPTURE', 'RELEASE', 'RESERVE'])
  }

  test('DBF-04: on which everything is late and in drips is waited for', async () => {
    wire.delay(5)
    wire.drip(256, 1)
    const prompt = 'a slow book-keeper'
    const id = await accepted(bed.gateway, { prompt })
    await succeededOnce(await ended(bed.gateway, id), prompt)
    wire.delay(0)
    wire.drip(0, 0)
  })

  test('DBF-01: that is reset while the provider works loses nothing', async () => {
    const prompt = 'a reset in the middle of a call'
    const { id, answer } = await atWork(prompt)
    wire.reset()
    answer()
    await succeededOnce(await ended(bed.gateway, id), prompt)
  })

  test('DBF-01: that is reset within the last transaction has it done again, and once', async () => {
    const prompt = 'a reset within the end'
    const { reached } = await bed.gateway.arm('finishing', { how: 'HOLD' })
    const id = await accepted(bed.gateway, { prompt })
    await reached
    wire.reset()
    await bed.gateway.goOn()
    await succeededOnce(await ended(bed.gateway, id), prompt)
  })

  test('DBF-01: that is gone for longer than a lease brings the paid reply in when it is back', async () => {
    const prompt = 'a database that was away'
    const { id, answer } = await atWork(prompt)
    await wire.refuse(true)
    wire.reset()
    answer()
    const refused = await generate(bed.gateway, { prompt: 'asked meanwhile' })
    expect(refused.errors?.[0]?.extensions).toMatchObject({
      code: 'UNAVAILABLE',
      retryAfterMs: expect.any(Number),
    })
    await until(() => hasNoLease(id))
    await wire.refuse(false)
    await succeededOnce(await ended(bed.gateway, id), prompt)
    expect(bed.provider.paidFor('asked meanwhile')).toBe(0)
  })

  /** By the server's own clock, which does not need the wire. */
  async function hasNoLease(id: string): Promise<boolean> {
    return bed.look(async ({ prisma }) => {
      const rows = await prisma.$queryRaw<object[]>`
        SELECT id FROM operation WHERE id = ${rawId(id)}::uuid AND lease_until < now()`
      return rows.length === 1
    })
  }
})
