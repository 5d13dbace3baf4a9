import type { PrismaClient } from '../database/database.ts'
import { channels, type Notifications } from '../database/notifications.ts'
import type { Viewer } from './viewer.ts'

/** How often revocations are looked up, in case a notification was lost while the listening connection was down. */
const recheckMs = 30_000
/** setTimeout's longest wait; a token may live longer. */
const longestTimerMs = 2 ** 31 - 1

export interface Revocations {
  /** Calls `end` once, when the viewer's key is revoked or its token expires. The returned function cancels this. */
  watch(viewer: Viewer, end: () => void): () => void
  /** Calls back for every key that is revoked, here or by another process. */
  onKey(drop: (keyId: string) => void): void
  /** Tells this process of a revocation at once; the database notifies the other processes. */
  announce(keyId: string): void
  /** Looks for watched keys that were revoked without a notification. */
  recheck(): Promise<void>
  /** Waits for a check that is under way. */
  close(): Promise<void>
}

export interface RevocationOptions {
  prisma: PrismaClient
  notifications: Notifications
  now: () => Date
  onError: (error: Error) => void
}

export function createRevocations({ prisma, notifications, now, onError }: RevocationOptions): Revocations {
  const watchers = new Map<string, Set<() => void>>()
  const drops: ((keyId: string) => void)[] = []
  const looks = new Set<Promise<void>>()

  const announce = (keyId: string) => {
    for (const drop of drops) drop(keyId)
    const ends = watchers.get(keyId)
    watchers.delete(keyId)
    for (const end of ends ?? []) end()
  }
  const watchKey = (keyId: string, end: () => void) => {
    const ends = watchers.get(keyId) ?? new Set()
    watchers.set(keyId, ends.add(end))
    // The key may have been revoked since it was read.
    look([keyId])
    return () => {
      ends.delete(end)
      if (ends.size === 0 && watchers.get(keyId) === ends) watchers.delete(keyId)
    }
  }
  const recheck = async (keyIds = [...watchers.keys()]) => {
    if (keyIds.length === 0) return
    const where = { id: { in: keyIds }, revokedAt: { not: null } }
    for (const { id } of await prisma.apiKey.findMany({ where, select: { id: true } })) announce(id)
  }
  const look = (keyIds?: string[]) => {
    const looking = recheck(keyIds)
      .catch(onError)
      .finally(() => looks.delete(looking))
    looks.add(looking)
  }
  const stopListening = notifications.subscribe(channels.revocation, announce)
  const timer = setInterval(look, recheckMs).unref()

  return {
    watch: ({ credential }, end) => {
      const endOnce = once(end)
      if (credential.kind === 'apiKey') return watchKey(credential.id, endOnce)
      if (credential.kind === 'jwt') return watchExpiry(credential.expiresAt, now, endOnce)
      return () => {}
    },
    onKey: (drop) => void drops.push(drop),
    announce,
    recheck: () => recheck(),
    close: async () => {
      stopListening()
      clearInterval(timer)
      await Promise.all(looks)
    },
  }
}

function watchExpiry(expiresAt: Date, now: () => Date, end: () => void): () => void {
  let timer: NodeJS.Timeout
  const wait = () => {
    const leftMs = expiresAt.getTime() - now().getTime()
    timer = leftMs > longestTimerMs ? setTimeout(wait, longestTimerMs) : setTimeout(end, Math.max(0, leftMs))
    timer.unref()
  }
  wait()
  return () => clearTimeout(timer)
}

function once(call: () => void): () => void {
  let called = false
  return () => {
    if (called) return
    called = true
    call()
  }
}
