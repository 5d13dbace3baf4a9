import type { ImageKind } from './models.ts'
import type { Usage } from './usage.ts'

/** One request for images as the sandbox saw it. */
export interface SandboxRequest {
  /** What the reply carries as `x-request-id`. */
  id: string
  path: string
  kind: ImageKind
  model: string | null
  n: number
  /** Milliseconds since the epoch. */
  at: number
  clientRequestId: string | null
  /** The whole body arrived and the work was taken: a real service would charge for it. */
  paid: boolean
  usage: Usage | null
  fault: string | null
  status: number | null
  /** `broken`: the connection ended before the reply did. */
  outcome: 'pending' | 'replied' | 'broken'
  /** As sent, long texts cut. */
  parameters: Record<string, unknown>
  files: { name: string; filename: string; mimeType: string; bytes: number; sha256: string }[]
}

export interface SandboxCounts {
  requests: number
  paid: number
  refused: number
  /** Look-ups of jobs. */
  polls: number
  images: number
}

export interface Ledger {
  open(entry: Pick<SandboxRequest, 'id' | 'path' | 'kind' | 'clientRequestId'>): SandboxRequest
  note(entry: SandboxRequest, news: Partial<SandboxRequest>): void
  count(what: 'polls' | 'images'): void
  requests(): SandboxRequest[]
  counts(): SandboxCounts
  /** Resolves as soon as the requests satisfy the condition. */
  until(isTrue: (requests: SandboxRequest[]) => boolean, signal?: AbortSignal): Promise<void>
}

const maxParameterLength = 1000

export function createLedger({ maxEntries, now }: { maxEntries: number; now: () => number }): Ledger {
  const entries: SandboxRequest[] = []
  const watchers = new Set<() => void>()
  const counts: SandboxCounts = { requests: 0, paid: 0, refused: 0, polls: 0, images: 0 }
  const tell = () => {
    for (const watch of [...watchers]) watch()
  }
  const list = () => structuredClone(entries)
  return {
    open(opening) {
      const entry: SandboxRequest = { ...blank, ...opening, at: now() }
      counts.requests++
      entries.push(entry)
      if (entries.length > maxEntries) entries.shift()
      tell()
      return entry
    },
    note(entry, news) {
      if (news.paid && !entry.paid) counts.paid++
      if (news.status && news.status >= 400 && entry.status === null) counts.refused++
      Object.assign(entry, news)
      tell()
    },
    count(what) {
      counts[what]++
    },
    requests: list,
    counts: () => ({ ...counts }),
    until: (isTrue, signal) =>
      new Promise((resolve, reject) => {
        const stop = () => {
          watchers.delete(watch)
          signal?.removeEventListener('abort', giveUp)
        }
        const watch = () => {
          if (!isTrue(list())) return
          stop()
          resolve()
        }
        const giveUp = () => {
          stop()
          reject(signal?.reason)
        }
        watchers.add(watch)
        signal?.addEventListener('abort', giveUp)
        if (signal?.aborted) giveUp()
        else watch()
      }),
  }
}

const blank = {
  model: null,
  n: 1,
  paid: false,
  usage: null,
  fault: null,
  status: null,
  outcome: 'pending' as const,
  parameters: {},
  files: [],
}

export function shortenParameters(parameters: Record<string, unknown>): Record<string, unknown> {
  const shorten = (value: unknown) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    return text !== undefined && text.length > maxParameterLength ? text.slice(0, maxParameterLength) : value
  }
  return Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, shorten(value)]))
}
