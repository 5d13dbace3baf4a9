import { hang } from './hang.ts'

/** What images pass on their way out. */
export interface Turnstile {
  /** Lets so many more through; the others wait until what it gives is called. */
  hold(images: number): () => void
  pass(signal: AbortSignal): Promise<void>
}

export function createTurnstile(): Turnstile {
  let left = Number.POSITIVE_INFINITY
  let opened = Promise.withResolvers<void>()
  return {
    hold(images) {
      const held = Promise.withResolvers<void>()
      opened = held
      left = images
      return () => {
        if (opened === held) left = Number.POSITIVE_INFINITY
        held.resolve()
      }
    },
    async pass(signal) {
      left--
      if (left < 0) await Promise.race([opened.promise, hang(signal)])
    },
  }
}
