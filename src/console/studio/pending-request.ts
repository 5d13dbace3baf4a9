import type { StudioRequest } from './request-input.ts'

/**
 * A request that was not answered yet, files included, so that a reload or a lost network can send it again: the same
 * bytes under the same `requestId` are the same operation to the gateway, so nothing is paid twice.
 * The id belongs to this tab (sessionStorage), the bytes are too large for that (IndexedDB).
 */
export interface PendingRequests {
  keep(request: StudioRequest): Promise<void>
  /** The id of the request this tab waits for. */
  pendingId(): string | null
  load(requestId: string): Promise<StudioRequest | null>
  forget(): Promise<void>
}

const storageKey = 'easel.pending'
const storeName = 'requests'
const keptForMs = 24 * 60 * 60 * 1000

interface Kept {
  request: StudioRequest
  keptAt: number
}

export function createPendingRequests(storage: Storage): PendingRequests {
  const opened = openStore()
  // Without a store, as in some private windows, a request still goes out; only a reload cannot repeat it.
  const withStore = async <T>(mode: IDBTransactionMode, use: (store: IDBObjectStore) => IDBRequest<T>) => {
    try {
      const database = await opened
      return await settle(use(database.transaction(storeName, mode).objectStore(storeName)))
    } catch (error) {
      console.warn('This browser keeps no files for a reload', error)
      return null
    }
  }
  return {
    async keep(request) {
      storage.setItem(storageKey, request.requestId)
      const kept: Kept = { request, keptAt: Date.now() }
      await withStore('readwrite', (store) => store.put(kept, request.requestId))
    },
    pendingId: () => storage.getItem(storageKey),
    async load(requestId) {
      const kept = await withStore<Kept | undefined>('readonly', (store) => store.get(requestId))
      return kept?.request ?? null
    },
    async forget() {
      const requestId = storage.getItem(storageKey)
      storage.removeItem(storageKey)
      if (requestId) await withStore('readwrite', (store) => store.delete(requestId))
    },
  }
}

async function openStore(): Promise<IDBDatabase> {
  const request = indexedDB.open('easel', 1)
  request.onupgradeneeded = () => request.result.createObjectStore(storeName)
  const database = await settle(request)
  removeOld(database.transaction(storeName, 'readwrite').objectStore(storeName))
  return database
}

/** Tabs that were closed while they waited leave their files behind. */
function removeOld(store: IDBObjectStore): void {
  const cursorRequest = store.openCursor()
  cursorRequest.onsuccess = () => {
    const cursor = cursorRequest.result
    if (!cursor) return
    if ((cursor.value as Kept).keptAt < Date.now() - keptForMs) cursor.delete()
    cursor.continue()
  }
}

function settle<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}
