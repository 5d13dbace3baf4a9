import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Faults } from './faults.ts'
import type { KeptFiles } from './kept-files.ts'
import type { Ledger } from './ledger.ts'
import type { Slots } from './slots.ts'
import type { Turnstile } from './turnstile.ts'

/** What all dialects work with. */
export interface Studio {
  folder: string
  files: KeptFiles
  faults: Faults
  ledger: Ledger
  slots: Slots
  turnstile: Turnstile
  /** The pause before each image, partial or final. */
  delayMs: number
  /** What `slow` adds. */
  slowMs: number
  maxBodyBytes: number
  now: () => number
  newId: () => string
}

export async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  if (delayMs > 0) await wait(delayMs, undefined, { signal })
  signal.throwIfAborted()
}

/** What each image waits for, partial or final. */
export async function beforeImage(
  { delayMs, turnstile }: Pick<Studio, 'delayMs' | 'turnstile'>,
  signal: AbortSignal,
): Promise<void> {
  await pause(delayMs, signal)
  await turnstile.pass(signal)
}

export interface Spool extends AsyncDisposable {
  folder: string
}

/** A folder for the files of one request, gone with it. */
export async function openSpool(parent: string): Promise<Spool> {
  const folder = await mkdtemp(join(parent, 'request-'))
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) }
}
