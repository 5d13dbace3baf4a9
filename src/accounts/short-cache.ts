/** Remembers for a short time, and a bounded number of things. */
export interface ShortCache<Value> {
  get(key: string): Value | undefined
  set(key: string, value: Value): void
  deleteWhere(isOut: (value: Value) => boolean): void
}

export function createShortCache<Value>(options: {
  maxAgeMs: number
  maxEntries: number
  now: () => Date
}): ShortCache<Value> {
  const { maxAgeMs, maxEntries, now } = options
  const entries = new Map<string, { value: Value; until: number }>()
  return {
    get: (key) => {
      const entry = entries.get(key)
      if (entry && entry.until > now().getTime()) return entry.value
      entries.delete(key)
      return undefined
    },
    set: (key, value) => {
      entries.delete(key)
      // A Map keeps the order of insertion: the first one is the oldest.
      const oldest = entries.keys().next()
      if (entries.size >= maxEntries && !oldest.done) entries.delete(oldest.value)
      entries.set(key, { value, until: now().getTime() + maxAgeMs })
    },
    deleteWhere: (isOut) => {
      for (const [key, { value }] of entries) if (isOut(value)) entries.delete(key)
    },
  }
}
