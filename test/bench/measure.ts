import assert from 'node:assert/strict'
import type { Cell } from './cells.ts'
import { type Figures, type Sample, sumUp } from './figures.ts'
import { type Length, type PhaseTimes, runPhase } from './phase.ts'
import type { Scene } from './scene.ts'
import type { Target } from './target.ts'
import { type PerTarget, targetNames } from './targets.ts'
import { watch } from './watch.ts'

/** How long everything is measured. */
export interface Pace {
  /** Goes before, and is not measured. */
  warmUp: Length
  phase: Length
  /** How many phases each target has. */
  rounds: number
}

/** A target at the work of a cell. */
interface Turn {
  cell: Cell
  scene: Scene
  target: Target
}

/** The targets take turns, round after round: only figures of one time compare well. */
export async function measureCell(
  { cell, scene, targets }: Omit<Turn, 'target'> & { targets: PerTarget<Target> },
  pace: Pace,
): Promise<PerTarget<Figures>> {
  const samples: PerTarget<Sample[]> = { direct: [], raw: [], plain: [], gateway: [] }
  await scene.provider.ask(cell.script)
  for (const name of targetNames) await runTurn({ cell, scene, target: targets[name] }, pace.warmUp)
  for (let round = 0; round < pace.rounds; round++) {
    for (const name of targetNames) {
      samples[name].push(await takeSample({ cell, scene, target: targets[name] }, pace.phase))
    }
  }
  const { direct, raw, plain, gateway } = samples
  return { direct: sumUp(direct), raw: sumUp(raw), plain: sumUp(plain), gateway: sumUp(gateway) }
}

async function takeSample(turn: Turn, length: Length): Promise<Sample> {
  const stop = turn.target.process && (await watch(turn.target.process))
  const times = await runTurn(turn, length)
  return { ...times, used: stop && (await stop()) }
}

async function runTurn({ cell, scene, target }: Turn, length: Length): Promise<PhaseTimes> {
  const { provider, pictures, image, partials } = scene
  const story = await target.stories[cell.kind](pictures[cell.picture])
  const callsBefore = await provider.ask('calls')
  const times = await runPhase({
    url: target.url,
    story,
    concurrency: cell.concurrency,
    length,
    expected: { image, partials: cell.script.streams ? partials : [] },
  })
  const calls = (await provider.ask('calls')) - callsBefore
  assert.equal(calls, times.latenciesMs.length, 'The provider is asked once for each operation')
  return times
}
