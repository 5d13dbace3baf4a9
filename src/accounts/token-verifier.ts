import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  type JSONWebKeySet,
  jwtVerify,
} from 'jose'
import { EaselError } from '../errors.ts'
import { credentialsInvalid } from './credential-error.ts'

export interface JwtOptions {
  issuer: string
  audience: string
  /** Where the issuer publishes its keys; or the keys themselves. */
  jwksUrl?: string
  jwks?: JSONWebKeySet
  /** The accepted algorithms, asymmetric ones only; all of those when absent. */
  algorithms?: readonly string[]
  /** The claim that names the user; `sub` when absent. */
  userClaim?: string
  /** How long after a fetch of `jwksUrl` an unknown key id may cause the next one. */
  cooldownMs?: number
}

export interface VerifiedToken {
  /** Unique over all issuers. */
  externalId: string
  name: string
  expiresAt: Date
}

export interface TokenVerifier {
  verify(token: string): Promise<VerifiedToken>
}

/** Symmetric algorithms are not accepted: with them anybody could sign with the issuer's public key. */
const asymmetric = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
]

/** Real tokens take 1 to 2 KB. */
const maxTokenLength = 8_192
const maxClaimLength = 255
const maxNameLength = 100
const clockToleranceSeconds = 5
/** Nobody needs a longer one, and it cannot be taken back. It also keeps `exp` within what a date can say. */
const longestLifeSeconds = 366 * 24 * 3600
const defaultCooldownMs = 30_000

type Fetch = (url: string, init?: RequestInit) => Promise<Response>

export function createTokenVerifier(
  options: JwtOptions,
  { now, fetch = globalThis.fetch }: { now: () => Date; fetch?: Fetch | undefined },
): TokenVerifier {
  const { issuer, audience, userClaim = 'sub' } = options
  const algorithms = checkAlgorithms(options.algorithms ?? asymmetric)
  const keys = openKeys(options, fetch)
  return {
    verify: async (token) => {
      if (token.length > maxTokenLength) throw credentialsInvalid()
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience,
        algorithms,
        requiredClaims: ['exp', userClaim],
        clockTolerance: clockToleranceSeconds,
        currentDate: now(),
      }).catch(refuse)
      const exp = payload.exp as number
      if (exp > now().getTime() / 1000 + longestLifeSeconds) throw credentialsInvalid()
      const subject = payload[userClaim]
      if (typeof subject !== 'string' || !isSubject(subject)) throw credentialsInvalid()
      return {
        externalId: `${issuer}#${subject}`,
        name: readName(typeof payload.name === 'string' && payload.name ? payload.name : subject),
        expiresAt: new Date(exp * 1000),
      }
    },
  }
}

/** PostgreSQL keeps neither U+0000 nor half of a surrogate pair: a name of a user that has one is not a name. */
function isSubject(subject: string): boolean {
  return (
    subject !== '' && subject.length <= maxClaimLength && subject.isWellFormed() && !subject.includes('\0')
  )
}

/** A name is only shown, so characters that cannot be stored are replaced, also one that the cut has split. */
function readName(name: string): string {
  return name.slice(0, maxNameLength).replaceAll('\0', '\ufffd').toWellFormed()
}

function checkAlgorithms(algorithms: readonly string[]): string[] {
  const other = algorithms.filter((algorithm) => !asymmetric.includes(algorithm))
  if (other.length === 0 && algorithms.length > 0) return [...algorithms]
  throw new EaselError('BAD_USER_INPUT', 'Tokens are verified with asymmetric algorithms only.', {
    reason: 'ALGORITHM_NOT_ALLOWED',
    field: 'jwt.algorithms',
    allowed: asymmetric,
    actual: other,
  })
}

function openKeys({ jwks, jwksUrl, cooldownMs = defaultCooldownMs }: JwtOptions, fetch: Fetch) {
  if (jwks) return createLocalJWKSet(jwks)
  if (jwksUrl)
    return createRemoteJWKSet(new URL(jwksUrl), { cooldownDuration: cooldownMs, [customFetch]: fetch })
  throw new EaselError('BAD_USER_INPUT', 'Tokens need the keys of their issuer.', {
    reason: 'JWKS_MISSING',
    field: 'jwt.jwksUrl',
  })
}

/** jose's errors for faults of the token itself; any other error means that the issuer's keys cannot be fetched. */
const tokenFaults = [
  errors.JWTClaimValidationFailed,
  errors.JWTExpired,
  errors.JWTInvalid,
  errors.JWSInvalid,
  errors.JWSSignatureVerificationFailed,
  errors.JOSEAlgNotAllowed,
  errors.JOSENotSupported,
  errors.JWKSNoMatchingKey,
  errors.JWKSMultipleMatchingKeys,
]

function refuse(cause: unknown): never {
  if (tokenFaults.some((fault) => cause instanceof fault)) throw credentialsInvalid(cause)
  throw new EaselError(
    'UNAVAILABLE',
    'Tokens cannot be verified at the moment.',
    { reason: 'IDENTITY_PROVIDER_UNAVAILABLE', retryAfterMs: 5_000 },
    { cause },
  )
}
