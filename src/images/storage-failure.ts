import { EaselError } from '../errors.ts'

/** How soon a client is asked to try again: about as often as a storage that is away is looked at. */
const retryAfterMs = 5_000

/**
 * What a storage threw, as a caller is told of it. What is no outage stays as it is: an image that is not there, a
 * disk that is full (which has a reason of its own), and mistakes in the code.
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

/** Whether the storage did not work, or only did not have what was asked for. */
export function isStorageFailure(error: unknown): boolean {
  return error instanceof EaselError && error.code === 'UNAVAILABLE'
}
