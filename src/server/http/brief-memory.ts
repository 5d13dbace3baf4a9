export interface MemoryOptions {
  forMs: number
  uptimeMs?: () => number
}

/** Asks at most once in `forMs`, however many want to know: nobody without a key may cost much by asking often. */
export function remember<Answer>(
  ask: () => Promise<Answer>,
  { forMs, uptimeMs = () => performance.now() }: MemoryOptions,
): () => Promise<Answer> {
  let last: { answer: Promise<Answer>; at: number } | null = null
  return () => {
    if (last && uptimeMs() - last.at < forMs) return last.answer
    const asked = { answer: ask(), at: uptimeMs() }
    last = asked
    asked.answer.catch(() => {
      if (last === asked) last = null
    })
    return asked.answer
  }
}
