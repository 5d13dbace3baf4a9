import { EaselError } from '../errors.ts'

export function isDiskFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')
}

export function storageFull(cause: unknown): EaselError {
  return new EaselError(
    'UNAVAILABLE',
    'There is no room left to keep the image.',
    { reason: 'STORAGE_FULL' },
    { cause },
  )
}
