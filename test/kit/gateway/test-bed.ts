import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { canaries, checkInvariants } from '../checks/invariants.ts'
import { writeReport } from '../checks/report.ts'
import { type OperationStory, tellStories } from '../checks/story.ts'
import { lookInto } from '../database/look-into.ts'
import { findPostgres, type PostgresServer, startPostgres } from '../database/postgres.ts'
import { createPostgresDatabase } from '../database/postgres-database.ts'
import { makePreparedFolder } from '../database/prepared-embedded.ts'
import { type FaultProxy, startFaultProxy } from '../network/fault-proxy.ts'
import { makeFolder, removeFolder } from '../temporary-folder.ts'
import { until } from '../until.ts'
import { type ScriptedUpstream, startScriptedUpstream } from '../upstream/scripted-upstream.ts'
import { type GatewayProcess, startGatewayProcess } from './gateway-process.ts'
import { type PaidGatewayOptions, paidGatewayOptions } from './paid-gateway-options.ts'

export type DatabaseKind = 'embedded' | 'server'

/** What a case is run on: a PostgreSQL server too, where there is one. */
export const databases: readonly DatabaseKind[] = findPostgres() ? ['embedded', 'server'] : ['embedded']

/** I7, in the thread that serves everybody. */
const maxLoopDelayMs = 200

/** A report is no verdict: what does not tell of itself by then is left out. */
const patienceMs = 10_000

type Life = Pick<PaidGatewayOptions, 'limits' | 'retention' | 'databaseTimeouts' | 'env' | 'names' | 'more'>

/** What a gateway reaches by a wire. */
export type Behind = 'provider' | 'database'

export interface TestBedOptions extends Life {
  database: DatabaseKind
  /** A PostgreSQL server that its cases may break; else they have a database of their own on the one that all share. */
  ownServer?: boolean
  /** Where a wire that can be broken is put between. */
  wires?: readonly Behind[]
}

export interface CheckOptions {
  /** Files of killed lives may still be there. */
  leftovers?: boolean
  /** Of all cases so far. */
  whole?: boolean
}

/** One gateway, over as many lives as a test takes, with a provider, a database and a folder that outlive it. */
export interface TestBed {
  provider: ScriptedUpstream
  folder: string
  /** On a PostgreSQL server; null where the folder holds the database. */
  databaseUrl: string | null
  /** Where it is the bed's own. */
  postgres: PostgresServer | null
  /** One of those that were asked for. */
  wire(to: Behind): FaultProxy
  /** The present life. */
  readonly gateway: GatewayProcess
  /** Everything that all its lives wrote. */
  output(): string[]
  /** Begins the next life, after the present one has ended; on a server also a second one beside it. */
  start(life?: Life): Promise<GatewayProcess>
  /** Ends every life as a stop does. */
  leave(): Promise<void>
  /** Ends every life, begins one that removes whatever they left behind, and ends it too. */
  sweep(): Promise<void>
  /** A case begins: what was asked for before is another one's. */
  begin(): void
  /** The invariants of the present case, and of the living gateways. */
  check(options?: CheckOptions): Promise<void>
  /** What there is to see of the present case, for whoever has to find out why it failed. */
  report(): Promise<string>
  /** Of the operations of the present case, or of the only one with this prompt. */
  stories(): Promise<OperationStory[]>
  story(prompt: string): Promise<OperationStory>
  /** Looks into the database. An embedded one is looked into when no gateway lives. */
  look: <T>(look: Parameters<typeof lookInto<T>>[1]) => Promise<T>
  /** What a case has put below the gateway goes when the gateways are gone. */
  atClose(work: () => Promise<void>): void
  close(): Promise<void>
}

export async function openTestBed({
  database,
  ownServer = false,
  wires = [],
  ...life
}: TestBedOptions): Promise<TestBed> {
  const provider = await startScriptedUpstream()
  const folder = await (database === 'server' ? makeFolder() : makePreparedFolder())
  const postgres = database === 'server' && ownServer ? await startServer() : null
  const url = postgres?.url ?? (database === 'server' ? await createPostgresDatabase() : undefined)
  const databaseUrl = url?.replace('easel@', `easel:${canaries[1]}@`)
  const laid = await layWires(wires, { provider: provider.url, database: databaseUrl })
  const lives: GatewayProcess[] = []
  const present = () => lives.at(-1) as GatewayProcess
  const output = () => lives.flatMap((each) => each.output)
  const where = databaseUrl ? { url: databaseUrl } : { folder }

  const start = async (next: Life = {}) => {
    const providerUrl = laid.provider?.url ?? provider.url
    const reached = { providerUrl, databaseUrl: laid.database?.url ?? databaseUrl }
    const options = { ...reached, folder, ...life, ...next }
    // Nobody is left who holds one: the time that it still has would be waited for.
    if (databaseUrl && lives.length > 0 && lives.every(({ hasExited }) => hasExited()))
      await letLeasesPass(databaseUrl)
    lives.push(await startGatewayProcess(paidGatewayOptions(options)))
    return present()
  }
  const leave = async () => {
    for (const each of lives.filter(({ hasExited }) => !hasExited())) {
      assert.deepEqual(await each.end('SIGTERM'), { code: 0, signal: null })
    }
  }
  const below: (() => Promise<void>)[] = []
  const close = async () => {
    await Promise.all(lives.map((each) => each.end('SIGKILL')))
    for (const remove of below) await remove()
    await provider.close()
    await Promise.all(Object.values(laid).map(({ wire }) => wire.close()))
    await postgres?.stop()
    await removeFolder(folder)
  }
  await start().catch(async (error) => {
    await close()
    throw error
  })

  let began = { at: 0, calls: 0, lines: 0, startedAt: performance.now() }
  const stories = () =>
    present().hasExited()
      ? lookInto(where, ({ prisma }) => tellStories(prisma, began.at))
      : present().tellStories(began.at)

  return {
    provider,
    folder,
    databaseUrl: databaseUrl ?? null,
    postgres,
    wire: (to) => {
      const found = laid[to]
      if (!found) throw new Error(`There is no wire to the ${to}`)
      return found.wire
    },
    get gateway() {
      return present()
    },
    output,
    start,
    leave,
    sweep: async () => {
      await leave()
      const gateway = await start({ retention: { tempMs: 0 } })
      await gateway.untilLogged('removed files that nobody needs')
      assert.deepEqual(await gateway.end('SIGTERM'), { code: 0, signal: null })
    },
    begin: () => {
      began = {
        at: Date.now(),
        calls: provider.calls.length,
        lines: output().length,
        startedAt: performance.now(),
      }
    },
    stories,
    story: async (prompt) => {
      const [story, ...others] = (await stories()).filter((each) => each.prompt === prompt)
      assert.ok(story && others.length === 0, `There is not one operation for "${prompt}"`)
      return story
    },
    report: async () => {
      const told = await Promise.race([
        stories().catch(String),
        pause(patienceMs, 'the gateway does not answer'),
      ])
      return writeReport({
        ms: performance.now() - began.startedAt,
        stories: told,
        calls: provider.calls.slice(began.calls),
        output: output().slice(began.lines),
      })
    },
    check: async ({ leftovers = false, whole = false } = {}) => {
      const books = {
        provider: { calls: whole ? provider.calls : provider.calls.slice(began.calls) },
        folders: leftovers ? [] : [folder],
        output: output(),
        since: whole ? 0 : began.at,
      }
      if (present().hasExited()) {
        await lookInto(where, ({ prisma }) => checkInvariants({ prisma, ...books }))
      } else {
        assert.equal(await present().findBroken(books), null)
        for (const each of lives.filter(({ hasExited }) => !hasExited())) await checkVitals(each)
      }
      await until(() => provider.openSockets() === 0).catch(() => {
        throw new Error(`I4: ${provider.openSockets()} connections to the provider are still open`)
      })
    },
    look: (look) => lookInto(where, look),
    atClose: (work) => void below.push(work),
    close,
  }
}

async function letLeasesPass(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(
    'UPDATE operation SET lease_until = now() WHERE lease_owner IS NOT NULL AND lease_until > now()',
  )
  await client.end()
}

interface Laid {
  wire: FaultProxy
  /** Of what lies behind it. */
  url: string
}

async function layWires(
  wires: readonly Behind[],
  urls: Record<Behind, string | undefined>,
): Promise<Partial<Record<Behind, Laid>>> {
  const laid: Partial<Record<Behind, Laid>> = {}
  for (const behind of wires) {
    const url = new URL(urls[behind] as string)
    const wire = await startFaultProxy({ port: Number(url.port) })
    url.port = String(wire.port)
    laid[behind] = { wire, url: url.href.replace(/\/$/, '') }
  }
  return laid
}

async function startServer(): Promise<PostgresServer> {
  const postgres = await startPostgres()
  if (!postgres) throw new Error('There is no PostgreSQL server here')
  return postgres
}

async function checkVitals(gateway: GatewayProcess): Promise<void> {
  const { loopDelayMs } = await gateway.vitals()
  assert.ok((loopDelayMs ?? 0) < maxLoopDelayMs, `I7: the event loop was ${loopDelayMs} ms late`)
  let open: string[] = []
  // An operation has ended a moment before its worker has put everything down.
  await until(async () => {
    open = (await gateway.vitals()).openFiles
    return open.length === 0
  }).catch(() => assert.deepEqual(open, [], 'I4: open files'))
}
