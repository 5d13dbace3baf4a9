import type { ProviderScript } from './provider.ts'
import type { Kind } from './story.ts'

/** One kind of operation, so many at once. */
export interface Cell {
  name: string
  kind: Kind
  concurrency: number
  picture: PictureSize
  script: ProviderScript
  /** So many operations, by new processes: a process seldom gives memory back. */
  burst: number | null
}

/** Bytes of the picture that is edited. */
export const pictureBytes = { usual: 1_500_000, big: 20_000_000 }
export type PictureSize = keyof typeof pictureBytes

/** Bytes of what the provider makes. */
export const imageBytes = 1_500_000
export const partialBytes = 500_000

const kinds: readonly Kind[] = ['generation', 'edit', 'streamed edit']
const concurrencies = [1, 16, 64]
/** The provider takes its time, so that all operations are under way at once. */
const bigCell: Cell = {
  name: 'edit of 20 MB c64',
  kind: 'edit',
  concurrency: 64,
  picture: 'big',
  script: { streams: false, pauseMs: 200 },
  burst: 64,
}

export const cells: readonly Cell[] = [
  ...kinds.flatMap((kind) => concurrencies.map((concurrency) => createCell(kind, concurrency))),
  bigCell,
]

export const maxConcurrency = Math.max(...cells.map(({ concurrency }) => concurrency))

function createCell(kind: Kind, concurrency: number): Cell {
  const streams = kind === 'streamed edit'
  const script = { streams, pauseMs: streams ? 50 : 0 }
  return { name: `${kind} c${concurrency}`, kind, concurrency, picture: 'usual', script, burst: null }
}
