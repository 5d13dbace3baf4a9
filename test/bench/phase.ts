import { openClient } from './client.ts'
import type { Received, Story } from './story.ts'

/** How long clients go on: for a time, or until all of them together have asked so often. */
export type Length = { ms: number } | { operations: number }

export interface PhaseOptions {
  url: string
  story: Story
  concurrency: number
  length: Length
  expected: Pick<Received, 'image' | 'partials'>
}

/** One for each operation. */
export interface PhaseTimes {
  latenciesMs: number[]
  /** From the request to the bytes of the first partial image. */
  firstPartialsMs: number[]
}

/** So many clients at once, each of which asks again as soon as it has its images. */
export async function runPhase(options: PhaseOptions): Promise<PhaseTimes> {
  const { url, story, concurrency, length, expected } = options
  const times: PhaseTimes = { latenciesMs: [], firstPartialsMs: [] }
  const client = openClient(url, concurrency)
  const mayBegin = createGate(length)
  const work = async () => {
    while (mayBegin()) {
      const startedAt = performance.now()
      const received = await story(client)
      times.latenciesMs.push(performance.now() - startedAt)
      if (received.firstPartialAt) times.firstPartialsMs.push(received.firstPartialAt - startedAt)
      checkImages(received, expected)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, work))
  await client.close()
  return times
}

function createGate(length: Length): () => boolean {
  const startedAt = performance.now()
  let begun = 0
  return 'ms' in length ? () => performance.now() - startedAt < length.ms : () => begun++ < length.operations
}

function checkImages({ image, partials }: Received, expected: PhaseOptions['expected']): void {
  const same =
    image.equals(expected.image) &&
    partials.length === expected.partials.length &&
    partials.every((each, index) => each.equals(expected.partials[index] as Buffer))
  if (!same) throw new Error("The client has other images than the provider's")
}
