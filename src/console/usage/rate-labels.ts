import type { RatePartsFragment } from '../generated/graphql.ts'

export type RateName = keyof RatePartsFragment

export const rateLabels: Record<RateName, string> = {
  requestsPerMinute: 'Requests a minute',
  imagesPerMinute: 'Images a minute',
  tokensPerMinute: 'Tokens a minute',
  concurrentOperations: 'Operations at once',
}

/** In the order in which they are shown. */
export const rateNames = Object.keys(rateLabels) as RateName[]
