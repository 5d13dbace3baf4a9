import type { ErrorMeaning } from './meaning.ts'

/** What goes wrong with event streams. */
export const streamReasons = {
  STREAM_NOT_FOUND: {
    code: 'NOT_FOUND',
    meaning: 'There is no such stream.',
    hint: 'Open a stream first, and use its token.',
  },
  STREAM_ALREADY_OPEN: {
    code: 'BAD_USER_INPUT',
    httpStatus: 409,
    meaning: 'The stream is open already.',
    hint: 'Reserve another stream, or close the open one.',
  },
  TOO_MANY_STREAMS: {
    code: 'RATE_LIMITED',
    meaning: 'Too many event streams of this user are open.',
    hint: 'Close one, or use one stream for several operations.',
  },
  TOO_MANY_OPERATIONS: {
    code: 'RATE_LIMITED',
    meaning: 'Too many operations run on this stream.',
    hint: 'Wait until one has ended, or stop one.',
  },
  OPERATION_ID_MISSING: {
    code: 'BAD_USER_INPUT',
    meaning: 'An operation on a shared stream has no id.',
    hint: 'Send `extensions.operationId`, or the parameter `operationId`.',
  },
  OPERATION_ID_TAKEN: {
    code: 'BAD_USER_INPUT',
    httpStatus: 409,
    meaning: 'An operation with this id runs on this stream.',
    hint: 'Choose another `operationId`.',
  },
  ACCESS_REVOKED: {
    code: 'UNAUTHENTICATED',
    meaning: 'The access of this user was revoked while the stream was open.',
    hint: 'Use another key or token.',
  },
} as const satisfies Record<string, ErrorMeaning>
