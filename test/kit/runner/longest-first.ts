import { createHash } from 'node:crypto'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Rooms whose files take minutes, the longest first. */
const long = ['faults', 'console', 'gateway', 'clients']

/** A long file that begins last would be waited for alone. With `--sequence.shuffle` the seed alone decides. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const { shuffle, seed } = this.ctx.config.sequence
    const place = shuffle ? (file: TestSpecification) => drawOf(file, seed) : rankOf
    const sorted = await super.sort(files)
    return sorted.sort((one, other) => place(one) - place(other))
  }
}

function rankOf({ moduleId }: TestSpecification): number {
  const rank = long.findIndex((room) => moduleId.includes(`/test/${room}/`))
  return rank < 0 ? long.length : rank
}

function drawOf({ moduleId }: TestSpecification, seed: number): number {
  return createHash('sha256').update(`${seed} ${moduleId}`).digest().readUInt32BE()
}
