import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startPostgres } from '../kit/database/postgres.ts'
import { copyPreparedFolder } from '../kit/database/prepared-embedded.ts'
import { makeFolder, removeFolder } from '../kit/temporary-folder.ts'
import { type Cell, cells, maxConcurrency } from './cells.ts'
import { measureCell, type Pace } from './measure.ts'
import { type Scene, setScene } from './scene.ts'
import { asked } from './story.ts'
import { type CellFigures, printTable } from './table.ts'
import type { TargetOptions } from './target.ts'
import { startTargets } from './targets.ts'

/*
 * The gateway beside a raw pipe and a plain server of Yoga and OpenAI's SDK, over a provider on the loopback. Each of
 * them is a process of its own, and so are the provider and the client, which is this one.
 *
 *   npm run bench -- --quick --cells 'edit c16' --database server
 */

interface Bench {
  scene: Scene
  /** A PostgreSQL server; null: the gateway's folder holds the database. */
  databaseUrl: string | null
  folder: string
}

async function openBench(stack: AsyncDisposableStack, database: string): Promise<Bench> {
  const folder = stack.adopt(await makeFolder(), removeFolder)
  const scene = await setScene(folder)
  stack.defer(() => scene.provider.stop())
  if (database !== 'server') return { scene, databaseUrl: null, folder }
  const postgres = await startPostgres()
  if (!postgres) throw new Error('There is no PostgreSQL server here')
  stack.defer(() => postgres.stop())
  return { scene, databaseUrl: postgres.url, folder }
}

async function runBench(bench: Bench, chosen: readonly Cell[], pace: Pace): Promise<CellFigures[]> {
  const loops = chosen.filter(({ burst }) => !burst)
  const measured = loops.length > 0 ? await measureTogether(bench, loops, pace) : []
  for (const cell of chosen) {
    if (cell.burst) measured.push(...(await measureTogether(bench, [cell], paceOfBurst(cell.burst))))
  }
  return measured
}

const paceOfBurst = (operations: number): Pace => ({
  warmUp: { operations: 1 },
  phase: { operations },
  rounds: 1,
})

/** By new processes, so that their memory is that of these cells alone. */
async function measureTogether(bench: Bench, together: readonly Cell[], pace: Pace): Promise<CellFigures[]> {
  const { scene } = bench
  await using targets = await startTargets(await describeTargets(bench, together))
  const measured: CellFigures[] = []
  for (const cell of together) {
    measured.push({ cell, figures: await measureCell({ cell, scene, targets }, pace) })
  }
  return measured
}

/** The gateway's first start is not measured, so its database is there. */
async function describeTargets(bench: Bench, [first]: readonly Cell[]): Promise<TargetOptions> {
  const { scene, databaseUrl } = bench
  const folder = join(bench.folder, `gateway of ${first?.name}`)
  if (!databaseUrl) await copyPreparedFolder(folder)
  return {
    providerUrl: scene.provider.url,
    folder,
    databaseUrl,
    model: asked.model,
    concurrency: maxConcurrency,
  }
}

const { values } = parseArgs({
  options: {
    database: { type: 'string', default: 'embedded' },
    /** A regular expression over their names. */
    cells: { type: 'string', default: '' },
    quick: { type: 'boolean', default: false },
    operations: { type: 'string' },
  },
})
const timed: Pace = {
  warmUp: { operations: 16 },
  phase: { ms: values.quick ? 300 : 1_000 },
  rounds: values.quick ? 1 : 2,
}
const operations = Number(values.operations)
const pace = values.operations ? { warmUp: { operations }, phase: { operations }, rounds: 1 } : timed

const chosen = cells.filter(({ name }) => new RegExp(values.cells).test(name))
if (chosen.length === 0) throw new Error(`There are ${cells.map(({ name }) => name).join(', ')}`)

await using stack = new AsyncDisposableStack()
const bench = await openBench(stack, values.database)
process.stdout.write(printTable(await runBench(bench, chosen, pace)))
