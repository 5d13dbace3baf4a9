import assert from 'node:assert/strict'
import { availableParallelism, loadavg } from 'node:os'
import { findPostgres, type PostgresServer, startPostgres } from '../kit/postgres.ts'
import { type GatewayProcess, startGatewayProcess } from './gateway-process.ts'
import { canaries, checkInvariants } from './invariants.ts'
import { type PaidProvider, startPaidProvider } from './paid-provider.ts'
import { gatewayOptions, lookInto, makeFolder, removeFolder, type SceneOptions } from './scene.ts'
import { until } from './until.ts'

export type DatabaseKind = 'embedded' | 'server'

/** What a case is run on: a PostgreSQL server too, where there is one. */
export const databases: readonly DatabaseKind[] = findPostgres() ? ['embedded', 'server'] : ['embedded']

/** I7, in the thread that serves everybody; where there is more work than processors, everybody waits longer. */
const maxLoopDelayMs = () => 200 * Math.max(1, (loadavg()[0] ?? 0) / availableParallelism())

type Life = Pick<SceneOptions, 'limits' | 'retention' | 'env' | 'more'>

export interface TestBedOptions extends Life {
  database: DatabaseKind
}

/** One gateway, over as many lives as a test takes, with a provider, a database and a folder that outlive it. */
export interface TestBed {
  provider: PaidProvider
  folder: string
  /** Of the PostgreSQL server; null where the folder holds the database. */
  databaseUrl: string | null
  /** The present life. */
  readonly gateway: GatewayProcess
  /** Everything that all its lives wrote. */
  output(): string[]
  /** Begins the next life, after the present one has ended. */
  start(life?: Life): Promise<GatewayProcess>
  /** Begins one that removes whatever the lives before left behind, and ends it. */
  sweep(): Promise<void>
  /** The invariants, of the living gateway too. With `leftovers` files of killed lives may still be there. */
  check(options?: { leftovers?: boolean }): Promise<void>
  /** Looks into the database. An embedded one is looked into when no gateway lives. */
  look: <T>(look: Parameters<typeof lookInto<T>>[1]) => Promise<T>
  close(): Promise<void>
}

export async function openTestBed({ database, ...life }: TestBedOptions): Promise<TestBed> {
  const provider = await startPaidProvider()
  const folder = await makeFolder()
  const postgres = database === 'server' ? await startServer() : null
  const databaseUrl = postgres?.url.replace('easel@', `easel:${canaries[1]}@`)
  const lives: GatewayProcess[] = []
  const present = () => lives.at(-1) as GatewayProcess
  const output = () => lives.flatMap((each) => each.output)
  const where = databaseUrl ? { url: databaseUrl } : { folder }

  const start = async (next: Life = {}) => {
    const options = { providerUrl: provider.url, folder, databaseUrl, ...life, ...next }
    lives.push(await startGatewayProcess(gatewayOptions(options)))
    return present()
  }
  await start()

  return {
    provider,
    folder,
    databaseUrl: databaseUrl ?? null,
    get gateway() {
      return present()
    },
    output,
    start,
    sweep: async () => {
      const gateway = await start({ retention: { tempMs: 0 } })
      await gateway.untilLogged('removed files that nobody needs')
      assert.deepEqual(await gateway.end('SIGTERM'), { code: 0, signal: null })
    },
    check: async ({ leftovers = false } = {}) => {
      const books = {
        provider: { calls: provider.calls },
        folders: leftovers ? [] : [folder],
        output: output(),
      }
      if (present().hasExited()) {
        await lookInto(where, ({ prisma }) => checkInvariants({ prisma, ...books }))
      } else {
        assert.equal(await present().findBroken(books), null)
        await checkVitals(present())
      }
      await until(() => provider.openSockets() === 0).catch(() => {
        throw new Error(`I4: ${provider.openSockets()} connections to the provider are still open`)
      })
    },
    look: (look) => lookInto(where, look),
    close: async () => {
      if (lives.length > 0) await present().end('SIGKILL')
      await provider.close()
      await postgres?.stop()
      await removeFolder(folder)
    },
  }
}

async function startServer(): Promise<PostgresServer> {
  const postgres = await startPostgres()
  if (!postgres) throw new Error('There is no PostgreSQL server here')
  return postgres
}

async function checkVitals(gateway: GatewayProcess): Promise<void> {
  const { loopDelayMs, openFiles } = await gateway.vitals()
  assert.ok((loopDelayMs ?? 0) < maxLoopDelayMs(), `I7: the event loop was ${loopDelayMs} ms late`)
  assert.deepEqual(openFiles, [], 'I4: open files')
}
