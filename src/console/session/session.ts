/** The API key of the signed-in user. It is kept for this tab only and written nowhere else. */
export interface Session {
  key(): string | null
  signIn(key: string): void
  /** Removes the key, and with it all data that was loaded with it. */
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
