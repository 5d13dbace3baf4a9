import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { FailpointName } from '../../src/operations/failpoint.ts'
import { accepted, ended, generate, readOperation } from '../kit/client/operation-client.ts'
import type { GatewayProcess } from '../kit/gateway/gateway-process.ts'
import { shareTestBed } from '../kit/gateway/shared-bed.ts'
import { databases } from '../kit/gateway/test-bed.ts'
import { isLong } from '../kit/limits.ts'
import { until } from '../kit/until.ts'
import { after, refuse } from '../kit/upstream/image-replies.ts'
import { firstDeadline, withDeadline } from './passing-deadline.ts'
import { turnsOn } from './turns.ts'

/*
 * A cancel at each state of an operation: it is held in one gap after the other, and cancelled there twice at once. On
 * a PostgreSQL server there are two gateways, one cancel comes through each, and either may be the one that is held.
 */

interface Case {
  gap: FailpointName
  promise: string
  status: 'CANCELLED' | 'SUCCEEDED'
  /** What the provider has charged for it. */
  paid: number
}

const cases: Case[] = [
  { gap: 'claimed', promise: 'one that was just claimed is not sent', status: 'CANCELLED', paid: 0 },
  { gap: 'prepared', promise: 'nor one whose attempt is prepared', status: 'CANCELLED', paid: 0 },
  { gap: 'sent', promise: 'nor one that is marked as sent', status: 'CANCELLED', paid: 0 },
  {
    gap: 'replying',
    promise: 'a reply that has begun is the loss of the house',
    status: 'CANCELLED',
    paid: 1,
  },
  { gap: 'stored', promise: 'one that was read to its end comes in', status: 'SUCCEEDED', paid: 1 },
  { gap: 'spooled', promise: 'so does one that is whole on disk', status: 'SUCCEEDED', paid: 1 },
  { gap: 'responded', promise: 'so does one that is written down', status: 'SUCCEEDED', paid: 1 },
  { gap: 'finishing', promise: 'a last transaction is not stopped', status: 'SUCCEEDED', paid: 1 },
  { gap: 'finished', promise: 'an end stays as it is', status: 'SUCCEEDED', paid: 1 },
]

const placesEach = 2

describe.each(databases)('a cancel (%s)', (database) => {
  const test = turnsOn(database)
  let gateways: [GatewayProcess, GatewayProcess]
  // Few places, so that an operation can be made to wait for one.
  const bed = shareTestBed(
    // The second name is left alone for a while once it has refused.
    { database, limits: { concurrentOperations: placesEach }, names: ['paid', 'busy'] },
    {
      prepare: async ({ gateway, start }) => {
        gateways = [gateway, database === 'server' ? await start() : gateway]
      },
    },
  )

  const everyGateway = () => [...new Set(gateways)]
  const cancelTwice = (id: string) => Promise.all(gateways.map((each) => cancel(each, id)))
  const asked = (prompt: string) => bed.provider.calls.filter((call) => call.prompt === prompt).length

  /** Holds whichever gateway comes by first. */
  async function hold(gap: FailpointName): Promise<{ reached: Promise<void>; goOn(): Promise<void> }> {
    const armed = everyGateway().map(async (gateway) => {
      const { reached } = await gateway.arm(gap, { how: 'HOLD' })
      return { reached: reached.then(() => gateway) }
    })
    const first = Promise.race((await Promise.all(armed)).map(({ reached }) => reached))
    return {
      reached: first.then(async () => {
        // Nobody else, and nothing else of the same one.
        await Promise.all(everyGateway().map((gateway) => gateway.disarm()))
      }),
      goOn: async () => (await first).goOn(),
    }
  }

  /** A cancel in the last transaction waits for the operation's row: it is behind it, not before it. */
  async function untilWaiting(cancels: number): Promise<void> {
    if (database !== 'server') return
    await bed.look(({ prisma }) =>
      until(async () => {
        const waiting = await prisma.$queryRaw<object[]>`
          SELECT pid FROM pg_stat_activity WHERE application_name = 'easel' AND wait_event_type = 'Lock'`
        return waiting.length === cancels
      }),
    )
  }

  /** Takes every place with an operation that ends when it is told to. */
  async function takeEveryPlace(name: string): Promise<{ free(): Promise<void> }> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const places = everyGateway().length * placesEach
    const prompts = Array.from({ length: places }, (_, index) => `${name} takes place ${index}`)
    for (const prompt of prompts) bed.provider.answer(prompt, after(promise))
    const ids = await Promise.all(prompts.map((prompt) => accepted(gateways[0], { prompt })))
    await bed.provider.until(() => prompts.every((prompt) => asked(prompt) === 1))
    return {
      free: async () => {
        resolve()
        for (const id of ids) expect(await ended(gateways[0], id)).toMatchObject({ status: 'SUCCEEDED' })
      },
    }
  }

  for (const { gap, promise, status, paid } of cases) {
    test(`MON-14: ${promise} (${gap})`, async () => {
      const prompt = `a walk that stops at ${gap}`
      const { reached, goOn } = await hold(gap)
      const id = await accepted(gateways[0], { prompt })
      await reached
      const cancelled = cancelTwice(id)
      // Whoever cancels is kept waiting for an end: what is not to end by it is to know of it at least.
      if (gap === 'finishing') await untilWaiting(gateways.length)
      else await (status === 'CANCELLED' ? cancelled : untilAsked(gateways[0], id))
      await goOn()
      await cancelled
      const reason = status === 'CANCELLED' ? { reason: 'CANCELLED' } : null
      expect(await ended(gateways[1], id)).toMatchObject({ status, error: reason })
      expect({ asked: asked(prompt), paid: bed.provider.paidFor(prompt) }).toEqual({ asked: paid, paid })
      const isLost = (await bed.story(prompt)).ledger.some((entry) => entry.startsWith('PROVIDER_LOSS'))
      expect(isLost, 'the house pays for what nobody got').toBe(status === 'CANCELLED' && paid > 0)
    })
  }

  test('MON-14: one that waits for its turn does not get it', async () => {
    const prompt = 'a walk that never begins'
    const places = await takeEveryPlace('a queue')
    const id = await accepted(gateways[0], { prompt })
    await cancelTwice(id)
    expect(await ended(gateways[1], id)).toMatchObject({ status: 'CANCELLED', metadata: { attempts: 0 } })
    await places.free()
    expect(asked(prompt)).toBe(0)
  })

  test('MON-14: one whose caller does not know yet that it was accepted is told to be cancelled (accepted)', async () => {
    const prompt = 'a walk that nobody knows of'
    const places = await takeEveryPlace('a caller')
    const { reached, goOn } = await hold('accepted')
    const answer = generate(gateways[0], { prompt })
    await reached
    const id = await findByPrompt(gateways[1], prompt)
    await cancelTwice(id)
    await goOn()
    expect((await answer).data.generateImage.id).toBe(id)
    expect(await ended(gateways[1], id)).toMatchObject({ status: 'CANCELLED' })
    await places.free()
    expect(asked(prompt)).toBe(0)
  })

  test('MON-14: one that waits to try again does not try again', async () => {
    const prompt = 'a walk that was put off'
    bed.provider.answer(prompt, refuse(429, { 'retry-after': '200' }))
    const id = await accepted(gateways[0], { prompt, model: 'busy/gpt-image-2' })
    await until(async () => (await readOperation(gateways[0], id)).metadata.stage === 'WAITING_TO_RETRY')
    await cancelTwice(id)
    expect(await ended(gateways[1], id)).toMatchObject({ status: 'CANCELLED', metadata: { attempts: 1 } })
    expect({ asked: asked(prompt), paid: bed.provider.paidFor(prompt) }).toEqual({ asked: 1, paid: 0 })
  })
})

describe.each(isLong ? databases : databases.slice(-1))('a deadline (%s)', (database) => {
  const bed = shareTestBed({ database, limits: firstDeadline })

  test('MON-14: that passes behind a whole reply does not lose it', async () => {
    const { id, prompt, passesAt } = await withDeadline(bed, {}, async (operationTimeoutMs) => {
      const prompt = `a walk of ${operationTimeoutMs} ms`
      const { reached } = await bed.gateway.arm('spooled', { how: 'HOLD' })
      const passesAt = performance.now() + operationTimeoutMs + 200
      const id = await accepted(bed.gateway, { prompt })
      const isHeld = await Promise.race([reached.then(() => true), ended(bed.gateway, id).then(() => false)])
      return isHeld ? { id, prompt, passesAt } : null
    })
    // Time itself is what is tested.
    await pause(passesAt - performance.now())
    await bed.gateway.goOn()
    expect(await ended(bed.gateway, id)).toMatchObject({ status: 'SUCCEEDED' })
    const asked = bed.provider.calls.filter((call) => call.prompt === prompt).length
    expect({ asked, paid: bed.provider.paidFor(prompt) }).toEqual({ asked: 1, paid: 1 })
  })
})

const cancel = (gateway: GatewayProcess, id: string) =>
  gateway.graphql('mutation ($id: ID!) { cancelOperation(id: $id) { id } }', { id })

/** Until the operation knows that it is to be cancelled, or has ended. */
function untilAsked(gateway: GatewayProcess, id: string): Promise<void> {
  const query = 'query ($id: ID!) { operation(id: $id) { done metadata { cancelRequestedAt } } }'
  return until(async () => {
    const { data } = await gateway.graphql<{
      operation: { done: boolean; metadata: { cancelRequestedAt: string | null } }
    }>(query, { id })
    return data.operation.done || data.operation.metadata.cancelRequestedAt !== null
  })
}

async function findByPrompt(gateway: GatewayProcess, prompt: string): Promise<string> {
  const { data } = await gateway.graphql<{
    operations: { edges: { node: { id: string; description: string } }[] }
  }>('{ operations(first: 100) { edges { node { id description } } } }')
  const found = data.operations.edges.find(({ node }) => node.description === prompt)
  if (!found) throw new Error(`There is no operation for ${prompt}`)
  return found.node.id
}
