import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createFaults, type FaultText, type MisbehaveOptions } from './faults.ts'
import { createHost } from './host.ts'
import { createKeptFiles } from './kept-files.ts'
import { createLedger, type SandboxCounts, type SandboxRequest } from './ledger.ts'
import { createRoutes } from './routes.ts'
import { createSlots } from './slots.ts'
import type { Studio } from './studio.ts'
import { createTurnstile } from './turnstile.ts'

export interface SandboxOptions {
  host?: string
  /** 0 takes a free one. */
  port?: number
  /** The pause before each image, partial or final. */
  delayMs?: number
  /** What the fault `slow` adds. */
  slowMs?: number
  /** If set, requests without it are refused as the real services refuse them. */
  apiKey?: string
  maxBodyBytes?: number
  /** Pictures drawn at the same time. */
  renderSlots?: number
  /** How many look-ups of a job say at least that it is not done. */
  pendingPolls?: number
  maxLedgerEntries?: number
  /** Where its own folder for uploads and kept pictures goes; the system's by default. */
  tempFolder?: string
  /** Aborting closes the sandbox. */
  signal?: AbortSignal
  now?: () => number
  newId?: () => string
  /** Hears of faults of the sandbox itself. */
  onError?: (error: unknown) => void
}

export interface Sandbox {
  /** Such as `http://127.0.0.1:4010`; the OpenAI dialect and FLUX are below `/v1`, YandexART at the root. */
  url: string
  /** Faults for the next requests. */
  misbehave(fault: FaultText, options?: MisbehaveOptions): void
  /** Forgets the faults that are still queued. */
  behave(): void
  /**
   * Lets so many more images out, partial ones too; the others wait until what it gives is called. A job goes by the
   * clock alone.
   */
  hold(images: number): () => void
  /** Requests for images, oldest first. */
  requests(): SandboxRequest[]
  counts(): SandboxCounts
  /** Resolves as soon as the requests satisfy the condition. */
  until(isTrue: (requests: SandboxRequest[]) => boolean, signal?: AbortSignal): Promise<void>
  close(): Promise<void>
}

const maxKeptFiles = 200
/** The addresses of dall-e live for an hour. */
const maxFileAgeMs = 60 * 60 * 1000
/** Sixteen images of 50 MB, a mask and the texts. */
const defaultMaxBodyBytes = 16 * 50 * 1024 * 1024 + 8 * 1024 * 1024

export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { signal, onError = () => {} } = options
  signal?.throwIfAborted()
  const folder = await mkdtemp(join(options.tempFolder ?? tmpdir(), 'easel-sandbox-'))
  const studio = createStudio(folder, options)
  const { server, close: closeHost } = createHost({ studio, routes: createRoutes(studio, options), onError })
  const removeFolder = () => rm(folder, { recursive: true, force: true })
  try {
    server.listen(options.port ?? 0, options.host ?? '127.0.0.1')
    await once(server, 'listening', signal ? { signal } : {})
  } catch (error) {
    await closeHost()
    await removeFolder()
    throw error
  }
  let closed: Promise<void> | undefined
  const close = () => {
    signal?.removeEventListener('abort', close)
    closed ??= closeHost().then(removeFolder)
    return closed
  }
  signal?.addEventListener('abort', close, { once: true })
  return describe(studio, urlOf(server.address() as AddressInfo), close)
}

function describe({ ledger, faults, turnstile }: Studio, url: string, close: () => Promise<void>): Sandbox {
  return {
    url,
    misbehave: faults.add,
    behave: faults.clear,
    hold: turnstile.hold,
    requests: ledger.requests,
    counts: ledger.counts,
    until: ledger.until,
    close,
  }
}

function createStudio(folder: string, options: SandboxOptions): Studio {
  const { now = Date.now, newId = randomUUID } = options
  const { delayMs = 400, slowMs = 5000, maxBodyBytes = defaultMaxBodyBytes } = options
  return {
    ...{ folder, delayMs, slowMs, maxBodyBytes, now, newId },
    files: createKeptFiles({ folder, now, newId, maxFiles: maxKeptFiles, maxAgeMs: maxFileAgeMs }),
    faults: createFaults(),
    ledger: createLedger({ maxEntries: options.maxLedgerEntries ?? 1000, now }),
    slots: createSlots({ slots: options.renderSlots ?? 2, maxWaiting: 256 }),
    turnstile: createTurnstile(),
  }
}

function urlOf({ address, family, port }: AddressInfo): string {
  const local = address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address
  return `http://${family === 'IPv6' && local.includes(':') ? `[${local}]` : local}:${port}`
}
