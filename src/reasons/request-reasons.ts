import type { ErrorMeaning } from './meaning.ts'

/** What is wrong with a request itself, before anything is known of models and images. */
export const requestReasons = {
  REQUEST_TARGET_INVALID: {
    code: 'BAD_USER_INPUT',
    meaning: 'The target of the request is not a path of this server.',
    hint: 'Send a path that begins with one slash.',
  },
  ADDRESS_RATE: {
    code: 'RATE_LIMITED',
    meaning: 'The address has sent too many requests, or too many wrong keys, within a minute.',
    hint: 'Send it again after `retryAfterMs`.',
  },
  HTTP_VERSION_UNKNOWN: {
    code: 'BAD_USER_INPUT',
    meaning: 'The request line names no version of HTTP.',
    hint: 'Send HTTP/1.1.',
  },
  HEADER_INVALID: {
    code: 'BAD_USER_INPUT',
    meaning: 'The request has a header with a name that is not allowed.',
    hint: 'Leave that header out.',
  },
  ROUTE_NOT_FOUND: {
    code: 'NOT_FOUND',
    meaning: 'There is nothing at this address.',
    hint: 'Check the path: GraphQL is at /graphql.',
  },
  METHOD_NOT_ALLOWED: {
    code: 'BAD_USER_INPUT',
    httpStatus: 405,
    meaning: 'This address does not take this HTTP method.',
    hint: 'Use one of the methods in `allowed`.',
  },
  NOT_ACCEPTABLE: {
    code: 'BAD_USER_INPUT',
    httpStatus: 406,
    meaning: 'A subscription is answered as an event stream, which the client does not accept.',
    hint: 'Send Accept: text/event-stream.',
  },
  UNSUPPORTED_MEDIA_TYPE: {
    code: 'BAD_USER_INPUT',
    httpStatus: 415,
    meaning: 'The body has a content type or a compression that is not accepted.',
    hint: 'Send JSON or multipart/form-data, not compressed.',
  },
  CROSS_SITE_REQUEST: {
    code: 'FORBIDDEN',
    meaning: 'A page of another site sent the request.',
    hint: 'Follow `hint`: allow the origin in the configuration, or send the header.',
  },
  BODY_TOO_LARGE: {
    code: 'PAYLOAD_TOO_LARGE',
    meaning: 'The body of the request is too large.',
    hint: 'Send less at once; `allowed` is the limit in bytes.',
  },
  BODY_TOO_SLOW: {
    code: 'BAD_USER_INPUT',
    httpStatus: 408,
    meaning: 'The body of the request arrived too slowly.',
    hint: 'Send it again over a faster connection.',
  },
  JSON_MALFORMED: {
    code: 'BAD_USER_INPUT',
    meaning: 'The body is not valid JSON in UTF-8.',
    hint: 'Mend the JSON.',
  },
  JSON_TOO_DEEP: {
    code: 'BAD_USER_INPUT',
    meaning: 'The JSON has too many lists and objects within each other.',
    hint: 'Send flatter JSON.',
  },
  JSON_TOO_MANY_VALUES: {
    code: 'BAD_USER_INPUT',
    meaning: 'The JSON has too many values.',
    hint: 'Send fewer values at once.',
  },
  GRAPHQL_REQUEST_INVALID: {
    code: 'BAD_USER_INPUT',
    meaning: 'The body is not a GraphQL request.',
    hint: 'Send an object with `query` and, if need be, `variables`.',
  },
  PERSISTED_QUERY_NOT_SUPPORTED: {
    code: 'PERSISTED_QUERY_NOT_SUPPORTED',
    meaning: 'The request has the hash of a query in place of the query, and Easel keeps no queries.',
    hint: 'Send the query; clients with persisted queries do so by themselves.',
  },
  PERSISTED_QUERY_NOT_FOUND: {
    code: 'PERSISTED_QUERY_NOT_FOUND',
    meaning: 'No document on the list of this gateway has this id.',
    hint: 'Send the query, or ask the operator to put the document on the list.',
  },
  PERSISTED_QUERY_MISMATCH: {
    code: 'BAD_USER_INPUT',
    meaning: 'The request has a query and the hash of another one.',
    hint: 'Send the SHA-256 of exactly this query, or the query alone.',
  },
  DOCUMENT_NOT_TRUSTED: {
    code: 'FORBIDDEN',
    meaning: 'The document is not on the list of this gateway, and must be.',
    hint: 'Ask the operator to put the document on the list.',
  },
  DOCUMENT_TOO_LARGE: {
    code: 'BAD_USER_INPUT',
    meaning: 'The GraphQL document has too many bytes.',
    hint: 'Send a shorter document.',
  },
  DOCUMENT_TOO_COMPLEX: {
    code: 'BAD_USER_INPUT',
    meaning: 'The document asks for too much at once.',
    hint: 'Ask for fewer fields or shorter pages.',
  },
  TOO_DEEP: {
    code: 'BAD_USER_INPUT',
    meaning: 'The fields of the document are nested too deeply.',
    hint: 'Ask for fewer levels.',
  },
  LITERAL_TOO_DEEP: {
    code: 'BAD_USER_INPUT',
    meaning: 'A value in the document is nested too deeply.',
    hint: 'Send flatter values.',
  },
  TOO_MANY_ALIASES: {
    code: 'BAD_USER_INPUT',
    meaning: 'The document has too many aliases.',
    hint: 'Use fewer aliases.',
  },
  TOO_MANY_DIRECTIVES: {
    code: 'BAD_USER_INPUT',
    meaning: 'The document has too many directives.',
    hint: 'Use fewer directives.',
  },
  TOO_MANY_FIELDS: {
    code: 'BAD_USER_INPUT',
    meaning: 'The document asks for too many fields.',
    hint: 'Ask for fewer fields.',
  },
  TOO_MANY_COMPARISONS: {
    code: 'BAD_USER_INPUT',
    meaning: 'The document names the same fields too often in one place to be validated.',
    hint: 'Name each field once in a selection set, or use fewer fragments.',
  },
  TEXT_MALFORMED: {
    code: 'BAD_USER_INPUT',
    meaning: 'A text contains U+0000 or half of a surrogate pair.',
    hint: 'Remove that character.',
  },
  ID_MALFORMED: {
    code: 'BAD_USER_INPUT',
    meaning: 'The id is not one of Easel.',
    hint: 'Use an id exactly as Easel gave it.',
  },
  CURSOR_MALFORMED: {
    code: 'BAD_USER_INPUT',
    meaning: 'The cursor is not one of Easel.',
    hint: 'Use a cursor exactly as Easel gave it.',
  },
  ARGUMENT_NOT_VALID: {
    code: 'BAD_USER_INPUT',
    meaning: 'Arguments contradict each other, or an id names another kind of thing.',
    hint: 'Read the message and change the arguments.',
  },
  IDEMPOTENCY_KEY_MALFORMED: {
    code: 'BAD_USER_INPUT',
    meaning: 'The Idempotency-Key is not 1 to 255 printable ASCII characters.',
    hint: 'Send a shorter or plainer key, such as a UUID.',
  },
  IDEMPOTENCY_KEY_AMBIGUOUS: {
    code: 'BAD_USER_INPUT',
    meaning: 'The header Idempotency-Key came with several mutations.',
    hint: 'Give each mutation its own `requestId`.',
  },
  IDEMPOTENCY_KEY_REUSED: {
    code: 'IDEMPOTENCY_KEY_REUSED',
    meaning: 'This `requestId` belongs to a request with other content.',
    hint: 'Use a new `requestId` for new content.',
  },
  OPERATION_NOT_ENDED: {
    code: 'BAD_USER_INPUT',
    meaning: 'An operation that waits or runs cannot be deleted.',
    hint: 'Cancel it first, or wait for its end.',
  },
  OPERATION_IN_USE: {
    code: 'BAD_USER_INPUT',
    meaning: 'An operation that has not ended uses an image of the one that is to be deleted.',
    hint: 'Cancel that operation, or wait for its end.',
  },
} as const satisfies Record<string, ErrorMeaning>
