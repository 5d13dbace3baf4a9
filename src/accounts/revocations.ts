import type { PrismaClient } from '../database/database.ts'
import { channels, type Notifications } from '../database/notifications.ts'
import type { Viewer } from './viewer.ts'

/** How often revocations are looked up, in case a notification was lost while the listening connection was down. */
const recheckMs = 30_000
/** setTimeout's longest wait; a token may live longer. */
const longestTimerMs = 2 ** 31 - 1

export interface Revocations {
  /**
   * Calls `end` once, when the viewer's key or token expires, its key is revoked, or its user is disabled, deleted or given
   * another role. The returned function cancels this.
   */
  watch(viewer: Viewer, end: () => void): () => void
  /** Calls back with the id of every key and user that has not the access any more that it had, in any process. */
  onGone(drop: (id: string) => void): void
  /** Tells this process of a revocation at once; the database notifies the other processes. */
  announce(id: string): void
  /** Looks for watched keys and users that lost their access without a notification. */
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
  const drops: ((id: string) => void)[] = []
  const looks = new Set<Promise<void>>()

  const announce = (id: string) => {
    for (const drop of drops) drop(id)
    const ends = watchers.get(id)
    watchers.delete(id)
    for (const end of ends ?? []) end()
  }
  const watchId = (id: string, end: () => void) => {
    const ends = watchers.get(id) ?? new Set()
    watchers.set(id, ends.add(end))
    return () => {
      ends.delete(end)
      if (ends.size === 0 && watchers.get(id) === ends) watchers.delete(id)
    }
  }
  const recheck = async (ids = [...watchers.keys()]) => {
    if (ids.length === 0) return
    const gone = await prisma.$queryRaw<{ id: string }[]>`
      SELECT id FROM api_key WHERE id = ANY(${ids}::uuid[]) AND revoked_at IS NOT NULL
      UNION ALL SELECT id FROM "user" WHERE id = ANY(${ids}::uuid[]) AND disabled_at IS NOT NULL`
    for (const { id } of gone) announce(id)
  }
  const look = (ids?: string[]) => {
    const looking = recheck(ids)
      .catch(onError)
      .finally(() => looks.delete(looking))
    looks.add(looking)
  }
  const stopListening = notifications.subscribe(channels.revocation, announce)
  const timer = setInterval(() => look(), recheckMs).unref()

  return {
    watch: ({ userId, credential }, end) => {
      if (credential.kind === 'none') return () => {}
      const endOnce = once(end)
      const ids = [userId, ...(credential.kind === 'apiKey' ? [credential.id] : [])]
      const stops = ids.map((id) => watchId(id, endOnce))
      if (credential.expiresAt) stops.push(watchExpiry(credential.expiresAt, now, endOnce))
      // They may have lost their access since they were read.
      look(ids)
      return () => {
        for (const stop of stops) stop()
      }
    },
    onGone: (drop) => void drops.push(drop),
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
