import { EaselError } from '../errors.ts'
import type { Viewer } from './viewer.ts'

/** What a key may do. */
export interface KeyBounds {
  /** Null: it does not expire. */
  expiresAt: Date | null
  /** The models that it may use, as callers name them; null: all. */
  models: readonly string[] | null
}

interface BoundsOptions {
  now: () => Date
  /** How long a key may live that a member makes with a token. */
  maxTokenKeyMs: number
}

/**
 * What a new key may do. A member's key does no more, and lives no longer, than what it was made with: otherwise a token
 * of a minute, or a key that was stolen, would turn into one for ever.
 */
export function boundKey(
  asked: KeyBounds,
  by: Viewer | undefined,
  { now, maxTokenKeyMs }: BoundsOptions,
): KeyBounds {
  const at = now()
  if (asked.expiresAt && asked.expiresAt <= at) throw expiryOutOfRange(asked.expiresAt, { min: at })
  if (!by || by.role === 'ADMIN') return asked
  const { credential } = by
  if (credential.kind === 'jwt') {
    const max = new Date(at.getTime() + maxTokenKeyMs)
    if (!asked.expiresAt) throw expiryMissing(max)
    return within(asked, { expiresAt: max, models: null })
  }
  if (credential.kind === 'none') return asked
  const { expiresAt = null, models = null } = credential
  return within(
    { expiresAt: asked.expiresAt ?? expiresAt, models: asked.models ?? models },
    { expiresAt, models },
  )
}

function within(asked: KeyBounds, { expiresAt: max, models }: KeyBounds): KeyBounds {
  if (max && asked.expiresAt && asked.expiresAt > max) throw expiryOutOfRange(asked.expiresAt, { max })
  const beyond = models ? asked.models?.find((model) => !models.includes(model)) : undefined
  if (beyond === undefined) return asked
  throw new EaselError('FORBIDDEN', 'The key that you use may not use this model itself.', {
    reason: 'MODEL_NOT_ALLOWED',
    field: 'input.models',
    allowed: models,
    actual: beyond,
  })
}

function expiryMissing(max: Date): EaselError {
  return new EaselError('BAD_USER_INPUT', 'A key that is made with a token needs an expiry.', {
    reason: 'API_KEY_EXPIRY_MISSING',
    field: 'input.expiresAt',
    allowed: { max: max.toISOString() },
  })
}

function expiryOutOfRange(actual: Date, { min, max }: { min?: Date; max?: Date }): EaselError {
  const message = max
    ? 'The key would outlive what it is made with: choose an earlier expiry.'
    : 'The expiry of a key lies in the future.'
  return new EaselError('BAD_USER_INPUT', message, {
    reason: 'OUT_OF_RANGE',
    field: 'input.expiresAt',
    allowed: { ...(min && { min: min.toISOString() }), ...(max && { max: max.toISOString() }) },
    actual: actual.toISOString(),
  })
}
