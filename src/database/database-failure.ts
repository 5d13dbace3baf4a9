import { EaselError } from '../errors.ts'
import { isRecord } from '../is-record.ts'

/**
 * What a failed statement means for its caller:
 *
 *   CONFLICT     two transactions were in each other's way and this one was rolled back: doing it again is safe.
 *   UNAVAILABLE  no connection, none free in time, or it broke. If it broke during COMMIT, the outcome is unknown.
 *   DUPLICATE    a unique key is taken already.
 *   REFUSED      a budget does not hold what was to be reserved.
 *   CROWDED      the user has as many unfinished operations as it may have.
 */
export type DatabaseFailure = 'CONFLICT' | 'UNAVAILABLE' | 'DUPLICATE' | 'REFUSED' | 'CROWDED'

const retryAfterMs = 2_000
const unavailableReason = 'DATABASE_UNAVAILABLE'

/**
 * https://www.prisma.io/docs/orm/reference/error-reference, SQLSTATE for what Prisma passes on as it came, and the
 * kinds of @prisma/driver-adapter-utils 7.10: what goes wrong in COMMIT gets no code of Prisma's.
 */
const byCode: [RegExp, DatabaseFailure][] = [
  // The codes that functions of the migrations raise.
  [/^EB001$/, 'REFUSED'],
  [/^EB002$/, 'CROWDED'],
  [/^(P2002|23505|UniqueConstraintViolation)$/, 'DUPLICATE'],
  [/^(P2034|40001|40P01|55P03|TransactionWriteConflict)$/, 'CONFLICT'],
  [/^(P1001|P1002|P1008|P1017|P2024|P2028|P2037)$/, 'UNAVAILABLE'],
  [/^(DatabaseNotReachable|ConnectionClosed|SocketTimeout|TooManyConnections)$/, 'UNAVAILABLE'],
  [/^(08...|53...|25P03|57014|57P0[1-3])$/, 'UNAVAILABLE'],
]

/** Node's own codes: they say what broke, and not whose connection it was. */
const ofAnySocket = /^(ECONN[A-Z]+|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/

/** `pg` (8.23, lib/client.js) and `pg-pool` give these errors no code, only a message. */
const withoutCode =
  /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error|Cannot use a pool after calling end)/

/** How many causes deep to look: Prisma wraps the driver adapter's error, which wraps the driver's. */
const maxDepth = 6

/** Whether the error came from the database: shown by its wrapper, or by where it was caught. */
interface Origin {
  /** It came out of the database's client, so a broken connection was the database's. */
  fromClient?: boolean
}

/**
 * Only errors of the database's client count, since connections to a storage or a provider break with the same codes. An
 * `EaselError` has been sorted already.
 */
export function databaseFailure(error: unknown, { fromClient = false }: Origin = {}): DatabaseFailure | null {
  let isOfClient = fromClient
  for (let at = error, depth = 0; isRecord(at) && depth < maxDepth; at = nextOf(at), depth++) {
    if (at instanceof EaselError && at.details.reason !== unavailableReason) return null
    isOfClient ||= at instanceof EaselError || /^(PrismaClient|DriverAdapterError)/.test(String(at.name))
    const found = sort(at) ?? (isOfClient && isBroken(at) ? 'UNAVAILABLE' : null)
    if (found) return found
  }
  return error instanceof EaselError ? 'UNAVAILABLE' : null
}

/** Turns an error of a database that is away into UNAVAILABLE; any other error is returned as it is. */
export function toUnavailable(error: unknown, origin: Origin = {}): unknown {
  const failure = databaseFailure(error, origin)
  if (failure !== 'UNAVAILABLE' && failure !== 'CONFLICT') return error
  if (error instanceof EaselError) return error
  return new EaselError(
    'UNAVAILABLE',
    'The database cannot be reached at the moment. Nothing was lost: try again.',
    { reason: unavailableReason, retryAfterMs },
    { cause: error },
  )
}

function sort(error: Record<string, unknown>): DatabaseFailure | null {
  for (const code of [error.code, error.originalCode, error.kind]) {
    const found = typeof code === 'string' ? byCode.find(([codes]) => codes.test(code)) : undefined
    if (found) return found[1]
  }
  return null
}

const isBroken = ({ code, message }: Record<string, unknown>): boolean =>
  ofAnySocket.test(String(code)) || withoutCode.test(String(message))

function nextOf(error: Record<string, unknown>): unknown {
  return isRecord(error.meta) && isRecord(error.meta.driverAdapterError)
    ? error.meta.driverAdapterError
    : error.cause
}
