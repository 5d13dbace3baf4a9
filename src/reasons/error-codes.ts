/** The codes of errors that a caller can expect. A reason refines one of them. */
export const errorCodes = {
  UNAUTHENTICATED: { httpStatus: 401, retryable: false },
  FORBIDDEN: { httpStatus: 403, retryable: false },
  BAD_USER_INPUT: { httpStatus: 400, retryable: false },
  UNSUPPORTED_BY_MODEL: { httpStatus: 400, retryable: false },
  NOT_FOUND: { httpStatus: 404, retryable: false },
  // Apollo Server's status: clients for phones take any other for a broken connection, and do not send the query.
  PERSISTED_QUERY_NOT_FOUND: { httpStatus: 200, retryable: false },
  PAYLOAD_TOO_LARGE: { httpStatus: 413, retryable: false },
  // Apollo Server's status: clients for phones take any other for a broken connection, and do not send the query.
  PERSISTED_QUERY_NOT_SUPPORTED: { httpStatus: 200, retryable: false },
  IDEMPOTENCY_KEY_REUSED: { httpStatus: 422, retryable: false },
  BUDGET_EXCEEDED: { httpStatus: 402, retryable: false },
  RATE_LIMITED: { httpStatus: 429, retryable: true },
  UNAVAILABLE: { httpStatus: 503, retryable: true },
  INTERNAL_SERVER_ERROR: { httpStatus: 500, retryable: false },
} as const

export type ErrorCode = keyof typeof errorCodes
