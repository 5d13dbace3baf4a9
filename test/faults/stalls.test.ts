import { describe, expect, test } from 'vitest'
import { ended, generate, type OperationAnswer } from '../kit/client/operation-client.ts'
import { findPostgres, type PostgresServer } from '../kit/database/postgres.ts'
import type { GatewayProcess } from '../kit/gateway/gateway-process.ts'
import { shareTestBed } from '../kit/gateway/shared-bed.ts'
import { isLong } from '../kit/limits.ts'
import { until } from '../kit/until.ts'
import { after } from '../kit/upstream/image-replies.ts'
import { type OtherSession, openOtherSession } from './other-session.ts'
import { seeThrough } from './persistent-client.ts'

/** Short, so that a lock outlives all of them in a few seconds. */
const databaseTimeouts = {
  lockMs: 300,
  statementMs: 1_000,
  transactionMs: 1_500,
  queryMs: 2_000,
  idleTransactionMs: 3_000,
  poolWaitMs: 2_000,
}
/** How many operations are in the middle of a call when the trouble comes; a gateway works on eight at a time. */
const inFlight = 6
/** Operations that are on their way when the server's sessions end. */
const crowd = isLong ? 30 : 10
const putOff = 'an operation cannot go on: putting it off'

/**
 * A transaction is committed whole or not at all, whatever waits for how long. The invariants after each case say so:
 * no hole in the events, and each end with its money, its images and its last event.
 */
describe.skipIf(!findPostgres())('a PostgreSQL server that stalls', () => {
  let postgres: PostgresServer
  let other: OtherSession
  const bed = shareTestBed(
    { database: 'server', ownServer: true, databaseTimeouts },
    {
      // Whoever never heard that its last transaction was committed left the reply on the disk.
      leftovers: true,
      sweeps: isLong,
      prepare: async (opened) => {
        postgres = opened.postgres as PostgresServer
      },
    },
  )

  async function withOtherSession<T>(work: () => Promise<T>): Promise<T> {
    other = await openOtherSession(bed.databaseUrl as string)
    try {
      return await work()
    } finally {
      await other.close()
    }
  }

  /** Submits, and waits until the provider works on all of them; its answers come when it is told to. */
  async function atWork(name: string): Promise<{ ids: string[]; answer: () => void }> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const prompts = Array.from({ length: inFlight }, (_, index) => `${name} ${index}`)
    for (const prompt of prompts) bed.provider.answer(prompt, after(promise))
    const ids = await Promise.all(prompts.map((prompt) => acceptedAtLast(bed.gateway, prompt)))
    await bed.provider.until((calls) => prompts.every((each) => calls.some(({ prompt }) => prompt === each)))
    return { ids, answer: resolve }
  }

  /** Clients that come to see an end whatever happens, as many at a time as a gateway works for. */
  function underLoad(name: string, count: number): Promise<OperationAnswer[]> {
    const prompts = Array.from({ length: count }, (_, index) => `${name} ${index}`)
    const follow = (prompt: string) =>
      seeThrough(() => bed.gateway, { prompt, requestId: prompt.replaceAll(' ', '-') })
    return Promise.all(prompts.map(follow))
  }

  /** One request after another, so that each has waited for all that it may wait for. */
  async function refusedInTurn(times: number): Promise<void> {
    for (let time = 0; time < times; time++) {
      const { errors } = await generate(bed.gateway, { prompt: 'asked meanwhile' })
      expect(errors?.[0]?.extensions.code).toBe('UNAVAILABLE')
    }
  }

  async function allSucceeded(ids: readonly string[]): Promise<void> {
    const operations = await Promise.all(ids.map((id) => ended(bed.gateway, id)))
    expect(operations.map(({ status }) => status)).toEqual(ids.map(() => 'SUCCEEDED'))
  }

  /** Each was paid for at most once, and only the question whether it was may have stayed without an answer. */
  function endedOnce(operations: readonly OperationAnswer[]): void {
    const reasons = operations.flatMap(({ error }) => error?.reason ?? [])
    expect(reasons.filter((reason) => reason !== 'UPSTREAM_OUTCOME_UNKNOWN')).toEqual([])
    expect(operations.some(({ status }) => status === 'SUCCEEDED')).toBe(true)
  }

  test('rows that another session keeps for longer than every limit have no half of an end committed', async () => {
    await withOtherSession(async () => {
      const { ids, answer } = await atWork('a kept row')
      const times = bed.gateway.logged(putOff).length
      await other.lock('running')
      answer()
      const meanwhile = underLoad('beside a kept row', inFlight)
      await bed.gateway.untilLogged(putOff, times + inFlight)
      await other.release()
      endedOnce(await meanwhile)
      await allSucceeded(ids)
    })
  })

  test.runIf(isLong)(
    'a table that is locked for longer than every limit has no half of an end committed',
    async () => {
      await withOtherSession(async () => {
        const { ids, answer } = await atWork('a locked table')
        await other.lock('operations')
        answer()
        await refusedInTurn(2)
        await other.release()
        endedOnce(await underLoad('behind a locked table', inFlight))
        await allSucceeded(ids)
      })
    },
  )

  test('a server that stands still in the middle of an end has no half of it committed', async () => {
    await withOtherSession(async () => {
      const { ids, answer } = await atWork('a server that stands still')
      await other.lock('spending')
      answer()
      await until(async () => (await other.countWaiting()) > 0)
      postgres.freeze()
      // The server finds this among what it has to do when it goes on.
      const released = other.release()
      await refusedInTurn(1).finally(postgres.thaw)
      await released
      endedOnce(await underLoad('behind a server that stood still', inFlight))
      await allSucceeded(ids)
    })
  })

  test.runIf(isLong)(
    'each session that the server ends, one after the other, is replaced under load',
    async () => {
      await withOtherSession(async () => {
        const load = underLoad('a session that ends', crowd)
        await bed.provider.until((calls) => countOf(calls, 'a session that ends') >= 1)
        for (const pid of await other.listGatewaySessions()) {
          await other.terminate([pid])
          await until(async () => !(await other.listGatewaySessions()).includes(pid))
        }
        endedOnce(await load)
      })
    },
  )

  test('all sessions that the server ends at once are replaced under load', async () => {
    await withOtherSession(async () => {
      const load = underLoad('all sessions that end', crowd)
      for (const calls of [1, crowd / 3, (2 * crowd) / 3]) {
        await bed.provider.until((all) => countOf(all, 'all sessions that end') >= calls)
        await other.terminate(await other.listGatewaySessions())
      }
      endedOnce(await load)
    })
  })

  for (const how of ['shutDown', 'crash'] as const) {
    test.runIf(isLong || how === 'crash')(
      `a server that restarts under load (${how}) loses nothing that was accepted`,
      async () => {
        const load = underLoad(`a restart by ${how}`, crowd)
        await bed.provider.until((calls) => countOf(calls, `a restart by ${how}`) >= 5)
        await postgres[how]()
        await postgres.restart()
        endedOnce(await load)
      },
    )
  }
})

/** Asks again while the limits are too short for a busy machine. */
async function acceptedAtLast(gateway: GatewayProcess, prompt: string): Promise<string> {
  for (;;) {
    const { data, errors } = await generate(gateway, { prompt, requestId: prompt.replaceAll(' ', '-') })
    if (data?.generateImage) return data.generateImage.id
    expect(errors?.[0]?.extensions.code).toBe('UNAVAILABLE')
  }
}

const countOf = (calls: readonly { prompt: string }[], name: string) =>
  calls.filter(({ prompt }) => prompt.startsWith(name)).length
