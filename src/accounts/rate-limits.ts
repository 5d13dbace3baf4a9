/** What a user, or a key, may ask for. Null: as the configuration says, or for a key, as its user may. */
export interface RateLimits {
  requestsPerMinute: number | null
  imagesPerMinute: number | null
  tokensPerMinute: number | null
  concurrentOperations: number | null
}

/** What the viewer may ask for in a minute and at once. Those of its key hold beside those of its user. */
export interface ViewerRateLimits {
  user: RateLimits
  key: RateLimits | null
}

/** The names of the limits, which are those of the columns too. */
export const rateLimitNames = [
  'requestsPerMinute',
  'imagesPerMinute',
  'tokensPerMinute',
  'concurrentOperations',
] as const satisfies readonly (keyof RateLimits)[]

export function pickRateLimits(row: RateLimits): RateLimits {
  const { requestsPerMinute, imagesPerMinute, tokensPerMinute, concurrentOperations } = row
  return { requestsPerMinute, imagesPerMinute, tokensPerMinute, concurrentOperations }
}

/** The user's own limits, and the defaults for those that nobody set. */
export function withDefaults(own: RateLimits, defaults: RateLimits): RateLimits {
  const filled = rateLimitNames.map((name) => [name, own[name] ?? defaults[name]])
  return Object.fromEntries(filled) as unknown as RateLimits
}

/** How many operations of the viewer may be unfinished at once; null: any number. */
export function concurrentOperationsOf({ user, key }: ViewerRateLimits): number | null {
  const set = [user.concurrentOperations, key?.concurrentOperations ?? null]
  const known = set.filter((limit) => limit !== null)
  return known.length === 0 ? null : Math.min(...known)
}
