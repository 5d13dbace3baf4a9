import { EaselError } from '../errors.ts'
import { RateCounter, type RateState } from '../rate-counter.ts'
import type { RateLimits } from './rate-limits.ts'
import type { SharedCounts } from './shared-counts.ts'
import type { Viewer } from './viewer.ts'

/** What is counted. A dear request counts as several requests. */
export interface Asked {
  requests?: number
  images?: number
  tokens?: number
}

export interface ViewerRates {
  /** Counts what the viewer asks for against its user and its key: all of it, or with RATE_LIMITED nothing. */
  admit(viewer: Viewer, asked: Asked): RateState | null
}

const limitOf = {
  requests: 'requestsPerMinute',
  images: 'imagesPerMinute',
  tokens: 'tokensPerMinute',
} as const satisfies Record<keyof Asked, keyof RateLimits>

interface Charge {
  key: string
  policy: string
  unit: keyof Asked
  points: number
  limit: number
}

export function createViewerRates(options: { now: () => number; shared: SharedCounts | null }): ViewerRates {
  const { shared } = options
  const counter = new RateCounter(options.now)
  const usedOf = (key: string) => counter.points(key) + (shared?.elsewhere(key) ?? 0)

  return {
    admit(viewer, asked) {
      const charges = chargesOf(viewer, asked)
      const { resetMs } = counter
      for (const charge of charges) {
        if (!hasRoom(charge, usedOf(charge.key))) throw refuse(charge, resetMs)
      }
      for (const { key, points, limit } of charges) {
        counter.add(key, points)
        shared?.add(key, points, limit)
      }
      return tightest(charges, usedOf, resetMs)
    },
  }
}

/** One request that is larger than the whole rate passes alone, or it never would. */
function hasRoom({ points, limit }: Charge, used: number): boolean {
  return used === 0 || used + points <= limit
}

/** Without authentication there is nobody to count. */
function chargesOf({ userId, credential, rateLimits }: Viewer, asked: Asked): Charge[] {
  if (credential.kind === 'none') return []
  const owners = [
    { policy: 'user', id: userId, limits: rateLimits.user },
    ...(rateLimits.key && credential.kind === 'apiKey'
      ? [{ policy: 'key', id: credential.id, limits: rateLimits.key }]
      : []),
  ]
  return owners.flatMap(({ policy, id, limits }) =>
    (Object.keys(asked) as (keyof Asked)[]).flatMap((unit) => {
      const limit = limits[limitOf[unit]]
      const points = asked[unit] ?? 0
      return limit === null || points === 0 ? [] : [{ key: `${unit}:${id}`, policy, unit, points, limit }]
    }),
  )
}

function tightest(charges: Charge[], usedOf: (key: string) => number, resetMs: number): RateState | null {
  const states = charges.map(({ key, policy, limit }) => ({
    policy,
    limit,
    remaining: Math.max(0, limit - usedOf(key)),
    resetMs,
  }))
  return states.toSorted((one, other) => one.remaining / one.limit - other.remaining / other.limit)[0] ?? null
}

const reasons = { requests: 'REQUEST_RATE', images: 'IMAGE_RATE', tokens: 'TOKEN_RATE' } as const

function refuse({ policy, unit, limit, points }: Charge, retryAfterMs: number): EaselError {
  const whose = policy === 'key' ? 'This key' : 'This user'
  return new EaselError(
    'RATE_LIMITED',
    `${whose} may ask for ${limit} ${unit} within a minute, and this would be more. Send it again after retryAfterMs.`,
    { reason: reasons[unit], allowed: limit, actual: points, retryAfterMs },
  )
}
