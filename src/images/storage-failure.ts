import { EaselError } from '../errors.ts'

/** The `retryAfterMs` of clients: about the interval at which a storage that is away is tried. */
const retryAfterMs = 5_000

/**
 * Turns an outage of the storage into UNAVAILABLE. Other errors stay as they are: a missing image, a full disk (which
 * has a reason of its own), and mistakes in the code.
 */
export function toStorageFailure(error: unknown): unknown {
  if (error instanceof EaselError || error instanceof TypeError || !(error instanceof Error)) return error
  return new EaselError(
    'UNAVAILABLE',
    'The storage of the images cannot be reached at the moment. Nothing was lost: try again.',
    { reason: 'STORAGE_UNAVAILABLE', retryAfterMs },
    { cause: error },
  )
}

/** Whether the storage did not work, as opposed to an object that is missing. */
export function isStorageFailure(error: unknown): boolean {
  return error instanceof EaselError && error.code === 'UNAVAILABLE'
}
