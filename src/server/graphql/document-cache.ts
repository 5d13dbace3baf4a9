/** The cache that Yoga keeps parsed documents in: least recently used, bounded by the size of the sources. */
export interface DocumentCache<T> {
  get(source: string): T | undefined
  set(source: string, value: T): void
}

export function createDocumentCache<T>(maxChars: number): DocumentCache<T> {
  const entries = new Map<string, T>()
  let chars = 0
  return {
    get(source) {
      const value = entries.get(source)
      if (value === undefined) return undefined
      entries.delete(source)
      entries.set(source, value)
      return value
    },
    set(source, value) {
      if (!entries.has(source)) chars += source.length
      entries.set(source, value)
      for (const oldest of entries.keys()) {
        if (chars <= maxChars) break
        entries.delete(oldest)
        chars -= oldest.length
      }
    },
  }
}
