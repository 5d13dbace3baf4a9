/** Who is signed in: an API key, kept for this tab only and never written anywhere else. */
export interface Session {
  key(): string | null
  signIn(key: string): void
  /** Forgets the key. Everything that shows data of the old one is thrown away with it. */
  signOut(): void
  subscribe(listener: () => void): () => void
  headers(): Record<string, string>
}

const storageKey = 'easel.key'

export function createSession(storage: Storage): Session {
  const listeners = new Set<() => void>()
  const tell = () => {
    for (const listener of listeners) listener()
  }
  const key = () => storage.getItem(storageKey)
  return {
    key,
    signIn(value) {
      storage.setItem(storageKey, value)
      tell()
    },
    signOut() {
      storage.removeItem(storageKey)
      tell()
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    headers(): Record<string, string> {
      const value = key()
      return value ? { authorization: `Bearer ${value}` } : {}
    },
  }
}
