import type { ErrorBody, UpstreamAnswer } from '../../failures/error-body.ts'
import type { Sorted } from '../../failures/http-failure.ts'

/** Foundation Models names a refused prompt only in its message; the code is that of any invalid argument. */
const refusalText = /не могу сгенерировать|другую тему|content policy|moderation/i

/** A refused submission ran nothing; an operation that was taken and then refused may be charged for. */
export function sortYandexArtFailure({ status }: UpstreamAnswer, { message }: ErrorBody): Sorted | null {
  if ([401, 403, 429].includes(status) || !refusalText.test(message)) return null
  const certainty = status >= 400 && status < 500 ? 'REFUSED' : 'FAILED'
  return { reason: 'CONTENT_REFUSED', certainty, details: [{ stage: null, categories: [] }] }
}
