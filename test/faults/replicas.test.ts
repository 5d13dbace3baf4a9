import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import type { FailpointName } from '../../src/operations/failpoint.ts'
import { rawId } from '../kit/client/global-id.ts'
import { accepted, ended, generate, readOperation } from '../kit/client/operation-client.ts'
import { findPostgres } from '../kit/database/postgres.ts'
import type { GatewayProcess } from '../kit/gateway/gateway-process.ts'
import { shareTestBed } from '../kit/gateway/shared-bed.ts'
import { isLong } from '../kit/limits.ts'
import { after } from '../kit/upstream/image-replies.ts'

const lostMessage = 'lost an operation: it has ended, or has a new owner'

/** Two gateways that share a PostgreSQL server and a folder of images. */
describe.skipIf(!findPostgres())('two gateways on one database', () => {
  let one: GatewayProcess
  let other: GatewayProcess
  const bed = shareTestBed(
    // Who is locked out lets go of the operation, as it comes, before the frozen one's transaction is ended.
    {
      database: 'server',
      limits: { leaseMs: 5_000 },
      databaseTimeouts: { lockMs: 4_000, idleTransactionMs: 8_000 },
    },
    {
      // Of a reply that came to one that had lost its operation the copy on disk stays.
      leftovers: true,
      sweeps: isLong,
      prepare: async ({ gateway, start }) => {
        one = gateway
        other = await start()
      },
    },
  )
  // Whatever a case came to: who looks at the books finds both awake.
  afterEach(() => {
    for (const each of [one, other]) each.thaw()
  })

  const cancel = (gateway: GatewayProcess, id: string) =>
    gateway.graphql('mutation ($id: ID!) { cancelOperation(id: $id) { id } }', { id })

  /** Freezes whoever works on the operation in the gap; the other one takes it over. */
  async function freezeAt(name: FailpointName, prompt: string) {
    const skip = 0
    const armed = await Promise.all([one, other].map((each) => each.arm(name, { how: 'SIGSTOP', skip })))
    // Asked of the one that is not frozen, whichever that will be: both share the queue.
    const submitted = accepted(one, { prompt }).catch(() => null)
    const frozen = await Promise.race(
      armed.map(({ reached }, index) => reached.then(() => (index ? other : one))),
    )
    const awake = frozen === one ? other : one
    await awake.disarm()
    // The one that was asked may be the frozen one, and never answer.
    const id = await Promise.race([submitted, pause(1_000, null)])
    return { frozen, awake, id: id ?? (await findByPrompt(awake, prompt)) }
  }

  /** It wakes, and learns that the operation is not its own any more. */
  async function thawAndLose(frozen: GatewayProcess): Promise<void> {
    const lost = frozen.logged(lostMessage).length
    frozen.thaw()
    await frozen.untilLogged(lostMessage, lost + 1)
  }

  async function findByPrompt(gateway: GatewayProcess, prompt: string): Promise<string> {
    const { data } = await gateway.graphql<{
      operations: { edges: { node: { id: string; description: string } }[] }
    }>('{ operations(first: 100) { edges { node { id description } } } }')
    const found = data.operations.edges.find(({ node }) => node.description === prompt)
    if (!found) throw new Error(`There is no operation for ${prompt}`)
    return found.node.id
  }

  test('share the queue: what one accepts the other may carry out, each once', async () => {
    const prompts = Array.from({ length: 24 }, (_, index) => `a shared queue ${index}`)
    const ids = await Promise.all(
      prompts.map((prompt, index) => accepted(index % 2 ? one : other, { prompt })),
    )
    const operations = await Promise.all(ids.map((id, index) => ended(index % 2 ? other : one, id)))
    expect(operations.every(({ status }) => status === 'SUCCEEDED')).toBe(true)
    expect(prompts.map(bed.provider.paidFor)).toEqual(prompts.map(() => 1))
  })

  test('MON-01: fifty identical requests to both are one operation and one paid call', async () => {
    const prompt = 'a request to both'
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        generate(index % 2 ? one : other, { prompt, requestId: 'to-both' }),
      ),
    )
    const ids = new Set(answers.map(({ data, errors }) => data?.generateImage.id ?? JSON.stringify(errors)))
    expect(ids.size).toBe(1)
    await ended(one, [...ids][0] as string)
    expect(bed.provider.paidFor(prompt)).toBe(1)
    await bed.look(async ({ prisma }) => {
      const operationId = rawId([...ids][0] as string)
      expect(await prisma.ledgerEntry.count({ where: { operationId, kind: 'RESERVE' } })).toBe(1)
    })
  })

  test('MON-14: a cancel through the other one aborts the call', async () => {
    const prompt = 'a cancel from elsewhere'
    bed.provider.answer(prompt, after(new Promise(() => {})))
    const id = await accepted(one, { prompt })
    await bed.provider.until((calls) => calls.some((call) => call.prompt === prompt))
    await Promise.all([cancel(one, id), cancel(other, id)])
    expect(await ended(other, id)).toMatchObject({ status: 'CANCELLED' })
  })

  test('SSE-07: events come from whichever works on it', async () => {
    const prompt = 'events from elsewhere'
    const answered = Promise.withResolvers<void>()
    bed.provider.answer(prompt, after(answered.promise))
    const id = await accepted(one, { prompt })
    const both = Promise.all([ended(one, id), ended(other, id)])
    await bed.provider.until((calls) => calls.some((call) => call.prompt === prompt))
    answered.resolve()
    expect((await both).map(({ status }) => status)).toEqual(['SUCCEEDED', 'SUCCEEDED'])
  })

  test.runIf(isLong)(
    'CRS-10: one that is frozen before it sends is replaced, and sends nothing when it wakes',
    async () => {
      const prompt = 'a freeze before sending'
      const { frozen, awake, id } = await freezeAt('prepared', prompt)
      expect(await ended(awake, id)).toMatchObject({ status: 'SUCCEEDED' })
      await thawAndLose(frozen)
      expect(bed.provider.paidFor(prompt)).toBe(1)
    },
  )

  test('CRS-10: one that is frozen between the mark and the first byte sends nothing when it wakes', async () => {
    const prompt = 'a freeze at the mark'
    const { frozen, awake, id } = await freezeAt('sent', prompt)
    const before = await ended(awake, id)
    expect(before).toMatchObject({ status: 'FAILED', error: { reason: 'UPSTREAM_OUTCOME_UNKNOWN' } })
    await thawAndLose(frozen)
    expect(bed.provider.calls.filter((call) => call.prompt === prompt)).toEqual([])
    expect(await readOperation(awake, id)).toEqual(before)
  })

  test('CRS-10: one that is frozen over a whole reply changes nothing when it wakes', async () => {
    const prompt = 'a freeze over a reply'
    const { frozen, awake, id } = await freezeAt('responded', prompt)
    const before = await ended(awake, id)
    // They share a folder, so the reply on disk is there for both.
    expect(before).toMatchObject({ status: 'SUCCEEDED' })
    await thawAndLose(frozen)
    expect(await readOperation(awake, id)).toEqual(before)
    expect(bed.provider.paidFor(prompt)).toBe(1)
  })

  test.runIf(isLong)(
    'CRS-10: one that is frozen with an image in the store does not bring it in twice when it wakes',
    async () => {
      const prompt = 'a freeze at the store'
      const { frozen, awake, id } = await freezeAt('stored', prompt)
      const before = await ended(awake, id)
      // They share a folder, so what had come of the reply is there for both.
      expect(before).toMatchObject({ status: 'SUCCEEDED' })
      await thawAndLose(frozen)
      expect(await readOperation(awake, id)).toEqual(before)
      expect(bed.provider.paidFor(prompt)).toBe(1)
    },
  )

  // The server ends its transaction after a while, and only then lets anybody else at the operation.
  test('CRS-10: one that is frozen within its last transaction is not waited for, and commits nothing when it wakes', async () => {
    const prompt = 'a freeze at the end'
    const { frozen, awake, id } = await freezeAt('finishing', prompt)
    const before = await ended(awake, id)
    expect(before).toMatchObject({ status: 'SUCCEEDED' })
    const message = 'an operation cannot go on: putting it off'
    const times = frozen.logged(message).length
    frozen.thaw()
    await frozen.untilLogged(message, times + 1)
    expect(await readOperation(awake, id)).toEqual(before)
    expect(bed.provider.paidFor(prompt)).toBe(1)
    const operationId = rawId(id)
    await bed.look(async ({ prisma }) => {
      expect(await prisma.ledgerEntry.count({ where: { operationId, kind: 'CAPTURE' } })).toBe(1)
      expect(await prisma.image.count({ where: { operationId } })).toBe(1)
    })
  })

  test('MON-07: a budget that holds three holds three, whoever is asked', async () => {
    const viewer = await one.graphql<{ viewer: { id: string } }>('{ viewer { id } }')
    const userId = viewer.data.viewer.id
    const setBudget = (limit: string | null) =>
      one.graphql('mutation ($input: SetBudgetInput!) { setBudget(input: $input) { budgets { used } } }', {
        input: { userId, period: 'TOTAL', unit: 'TOKENS', limit },
      })
    await setBudget('1')
    const dear = await generate(one, { prompt: 'how much is a crowd' })
    const asked = String(dear.errors?.[0]?.extensions.asked)
    // Nothing where nobody has asked for anything yet.
    const spent = await bed.look(({ prisma }) => prisma.spending.findFirst({ where: { period: 'TOTAL' } }))
    await setBudget(String((spent?.tokensUsed ?? 0n) + 3n * BigInt(asked)))
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        generate(index % 2 ? one : other, { prompt: `a crowd of number ${index % 10}` }),
      ),
    )
    const ids = answers.flatMap(({ data }) => data?.generateImage?.id ?? [])
    expect(ids).toHaveLength(3)
    await Promise.all(ids.map((id) => ended(one, id)))
    await setBudget(null)
  })
})
