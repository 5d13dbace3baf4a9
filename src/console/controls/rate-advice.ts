import type { Failure } from '../graphql/failure.ts'
import { formatCount, formatTime } from './format.ts'

const units: Record<string, string> = {
  REQUEST_RATE: 'request',
  IMAGE_RATE: 'image',
  TOKEN_RATE: 'token',
}

/** What to do about a rate that is used up, and when, in one sentence; null for any other failure. */
export function adviceOnRate({ reason, allowed, retryAt }: Failure): string | null {
  const when = retryAt === null ? 'in a minute' : `at ${formatTime(retryAt)}`
  if (reason === 'ADDRESS_RATE')
    return `Too many requests came from your address within a minute: try it again ${when}.`
  if (reason === 'TOO_MANY_UNFINISHED')
    return 'You have as many unfinished operations as you may: wait until one has ended, or cancel one under Operations.'
  const unit = units[reason ?? '']
  if (!unit || typeof allowed !== 'number') return null
  const most = `${formatCount(allowed)} ${unit}${allowed === 1 ? '' : 's'}`
  return `You may ask for ${most} a minute, and this would be more: try it again ${when}.`
}
