import type { Logger } from 'pino'
import type { Storage } from './storage.ts'
import { isStorageFailure, toStorageFailure } from './storage-failure.ts'
import { StorageHealth } from './storage-health.ts'
import { createStorageProbe } from './storage-probe.ts'

export interface WatchedStorageOptions<S extends Storage> {
  storage: S
  /** How to find out whether the storage works, unless a write has failed: then it is always a write. */
  probe: 'look' | 'write'
  /** The folder for the file that a probe writes. */
  folder: string
  newId: () => string
  uptimeMs: () => number
  log: Pick<Logger, 'warn' | 'error'>
}

export interface WatchedStorage<S extends Storage> {
  /** The same storage. Its outages become UNAVAILABLE with the reason STORAGE_UNAVAILABLE. */
  storage: S
  /** Whether images can be kept at the moment, by an answer that is not older than `maxAgeMs` or by a new probe. */
  isUp(maxAgeMs: number): Promise<boolean>
}

/** Watches all calls of a storage, so that an outage gets its own reason and paid work can wait. */
export function watchStorage<S extends Storage>(options: WatchedStorageOptions<S>): WatchedStorage<S> {
  const { storage, probe, uptimeMs, log } = options
  const health = new StorageHealth({
    probe: createStorageProbe({ ...options, how: probe }),
    uptimeMs,
    log,
  })

  const note = (method: string, args: unknown[], thrown: unknown): unknown => {
    if (isAborted(args)) return thrown
    const failure = toStorageFailure(thrown)
    if (!isStorageFailure(failure)) return failure
    if (method === 'put') health.noteFailed(failure, byteSizeOf(args))
    else health.doubt()
    return failure
  }

  const watch = (method: string, args: unknown[], result: unknown): unknown => {
    const told = (thrown: unknown) => note(method, args, thrown)
    if (isListing(result)) return watchListing(result, told)
    if (!(result instanceof Promise)) return result
    return result.then(
      (value) => {
        if (method === 'put') health.noteWritten()
        return value
      },
      (error: unknown) => {
        throw told(error)
      },
    )
  }

  const watched = new Proxy(storage, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name, target)
      if (typeof member !== 'function') return member
      return (...args: unknown[]) => watch(String(name), args, member.apply(target, args))
    },
  })
  return { storage: watched, isUp: (maxAgeMs) => health.isUp(maxAgeMs) }
}

/** The caller gave up: that says nothing about the storage. */
function isAborted(args: unknown[]): boolean {
  return args.some((each) => {
    const signal = each instanceof AbortSignal ? each : (each as { signal?: unknown } | undefined)?.signal
    return signal instanceof AbortSignal && signal.aborted
  })
}

function byteSizeOf(args: unknown[]): number {
  const [, , options] = args as Parameters<Storage['put']>
  return options.byteSize
}

function isListing(result: unknown): result is AsyncIterable<unknown> {
  return typeof result === 'object' && result !== null && Symbol.asyncIterator in result
}

async function* watchListing<T>(
  listing: AsyncIterable<T>,
  told: (error: unknown) => unknown,
): AsyncGenerator<T> {
  try {
    yield* listing
  } catch (error) {
    throw told(error)
  }
}
