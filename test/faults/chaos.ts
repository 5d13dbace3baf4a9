import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import type { FailpointName } from '../../src/operations/failpoint.ts'
import { checkInvariants } from '../kit/checks/invariants.ts'
import { lookInto } from '../kit/database/look-into.ts'
import { type PostgresServer, startPostgres } from '../kit/database/postgres.ts'
import { makePreparedFolder } from '../kit/database/prepared-embedded.ts'
import { type GatewayProcess, startGatewayProcess } from '../kit/gateway/gateway-process.ts'
import { paidGatewayOptions } from '../kit/gateway/paid-gateway-options.ts'
import { makeFolder, removeFolder } from '../kit/temporary-folder.ts'
import type { Script } from '../kit/upstream/exchange.ts'
import { cutAfter, fail, image, refuse } from '../kit/upstream/image-replies.ts'
import { reset } from '../kit/upstream/replies.ts'
import { type ScriptedUpstream, startScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'
import { seeThrough } from './persistent-client.ts'
import { createRandom, type Random } from './random.ts'
import { listStalls, type StallName, stall } from './stall.ts'

/*
 * CRS-09: a gateway that is killed over and over in gaps that a seed picks, under clients that do what they are told:
 * they try again with the same request id until they see an end. The provider answers as the seed says, mostly well.
 * Between the kills something stands still for a while: the gateway itself, or its server or a lock on it (stall.ts).
 *
 *   npm run test:chaos -- --seed 7 --kills 200 --stalls 50 --database server
 */

const gaps: readonly FailpointName[] = [
  'accepting',
  'accepted',
  'claimed',
  'prepared',
  'sent',
  'replying',
  'stored',
  'spooled',
  'responded',
  'finishing',
  'finished',
]

/** Short, so that every other stall outlives all of them, and a ROLLBACK that waits behind one too. */
const databaseTimeouts = {
  lockMs: 300,
  statementMs: 600,
  transactionMs: 1_000,
  queryMs: 1_200,
  idleTransactionMs: 3_000,
  poolWaitMs: 2_000,
}
/** Of each client: a short run may be over before the first one has ended. */
const fewestRequests = 2
/** Whoever loses one that it should have kept does not know how it ended, which is an end like others. */
const leaseMs = 1_500
const longestStallMs = 5_000

export interface ChaosResult {
  kills: number
  stalls: Partial<Record<StallName, number>>
  operations: number
  byStatus: Record<string, number>
}

interface World {
  random: Random
  provider: ScriptedUpstream
  folder: string
  /** A PostgreSQL server; null: the folder holds the database. */
  postgres: PostgresServer | null
  output: string[]
  gateway: GatewayProcess
  /** What each request id was seen to end as, by whoever asked. */
  ends: Map<string, Set<string>>
  stalls: Partial<Record<StallName, number>>
  stopping: boolean
}

export interface ChaosOptions {
  seed: number
  kills: number
  stalls?: number
  clients?: number
  database?: 'embedded' | 'server'
}

export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { seed, kills, stalls = 0, clients = 4, database = 'embedded' } = options
  const postgres = database === 'server' ? await startPostgres() : null
  const provider = await startScriptedUpstream()
  const folder = await (database === 'server' ? makeFolder() : makePreparedFolder())
  const world: World = {
    random: createRandom(seed),
    provider,
    folder,
    postgres,
    output: [],
    gateway: await start({ provider, folder, postgres }),
    ends: new Map(),
    stalls: {},
    stopping: false,
  }
  try {
    const working = Array.from({ length: clients }, (_, index) => beClient(world, index))
    // A client that fails is told at the end; until then it must not end this process.
    for (const each of working) each.catch(() => {})
    await bringTrouble(world, { kills, stalls })
    world.stopping = true
    await Promise.all(working)
    return await takeStock(world, kills)
  } finally {
    await world.gateway.end('SIGKILL')
    await provider.close()
    await postgres?.stop()
    await removeFolder(folder)
  }
}

function start(world: Pick<World, 'provider' | 'folder' | 'postgres'>, retention = {}) {
  const { provider, folder, postgres } = world
  const databaseUrl = postgres && { databaseUrl: postgres.url }
  const where = { providerUrl: provider.url, folder, ...databaseUrl }
  return startGatewayProcess(
    paidGatewayOptions({ ...where, limits: { leaseMs }, retention, databaseTimeouts }),
  )
}

/** In an order that the seed picks. */
async function bringTrouble(world: World, left: { kills: number; stalls: number }): Promise<void> {
  let { kills, stalls } = left
  while (kills + stalls > 0) {
    if (stalls > 0 && world.random.below(kills + stalls) < stalls) {
      stalls -= 1
      await stallOnce(world)
    } else {
      kills -= 1
      await killOnce(world)
    }
  }
}

async function stallOnce(world: World): Promise<void> {
  const { random, gateway, postgres } = world
  const name = random.pick(listStalls(postgres))
  const ms = random.below(longestStallMs)
  // At a moment of no particular kind, with work under way.
  await pause(random.below(500))
  await stall(name, { gateway, postgres, ms })
  world.stalls[name] = (world.stalls[name] ?? 0) + 1
}

async function killOnce(world: World): Promise<void> {
  const { random, gateway } = world
  const { reached } = await gateway.arm(random.pick(gaps), { skip: random.below(12) })
  // Some gaps are rarely passed: then it is a kill at a moment of no particular kind.
  const waited = new AbortController()
  await Promise.race([reached, pause(3_000, undefined, { signal: waited.signal }).catch(() => {})])
  waited.abort()
  await gateway.end('SIGKILL')
  world.output.push(...gateway.output)
  world.gateway = await start(world)
}

async function beClient(world: World, index: number): Promise<void> {
  for (let number = 0; number < fewestRequests || !world.stopping; number++) {
    const requestId = `client-${index}-${number}`
    const prompt = `a storm ${requestId}`
    world.provider.answer(prompt, chooseAnswer(world.random))
    const cancels = world.random.next() < 0.1
    const end = await seeThrough(() => world.gateway, { requestId, prompt, cancels })
    const seen = world.ends.get(requestId) ?? new Set()
    world.ends.set(requestId, seen.add(`${end.id} ${end.status}`))
  }
}

function chooseAnswer(random: Random): Script {
  const chance = random.next()
  if (chance < 0.05) return reset
  if (chance < 0.1) return fail(500)
  if (chance < 0.15) return cutAfter(random.next())
  if (chance < 0.25) return refuse(429, { 'retry-after': '1' })
  const waitMs = random.below(200)
  return async (asked) => {
    await pause(waitMs)
    return image()(asked)
  }
}

async function takeStock(world: World, kills: number): Promise<ChaosResult> {
  const { provider, folder, postgres, output, ends } = world
  const leave = async () => {
    assert.deepEqual(await world.gateway.end('SIGTERM'), { code: 0, signal: null })
    output.push(...world.gateway.output)
  }
  await leave()
  world.gateway = await start(world, { tempMs: 0 })
  await world.gateway.untilLogged('removed files that nobody needs')
  await leave()
  for (const [requestId, seen] of ends) assert.equal(seen.size, 1, `${requestId} ended as ${[...seen]}`)
  return lookInto(postgres ? { url: postgres.url } : { folder }, async ({ prisma }) => {
    await checkInvariants({ prisma, provider, folders: [folder], output })
    const operations = await prisma.operation.findMany({ select: { status: true } })
    assert.equal(operations.length, ends.size, 'one operation for each request id')
    const groups = Map.groupBy(operations, ({ status }) => status)
    const byStatus = Object.fromEntries([...groups].map(([status, { length }]) => [status, length]))
    return { kills, stalls: world.stalls, operations: operations.length, byStatus }
  })
}

if (import.meta.main) {
  const { parseArgs } = await import('node:util')
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      kills: { type: 'string', default: '200' },
      stalls: { type: 'string', default: '0' },
      database: { type: 'string', default: 'embedded' },
    },
  })
  const database = values.database === 'server' ? 'server' : 'embedded'
  const [seed, kills, stalls] = [values.seed, values.kills, values.stalls].map(Number)
  const options = { seed: seed ?? 1, kills: kills ?? 0, stalls: stalls ?? 0, database } as const
  const result = await runChaos(options)
  process.stdout.write(`${JSON.stringify({ seed, ...result })}\n`)
}
