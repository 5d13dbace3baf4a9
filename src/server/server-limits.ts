/** Every bound of the HTTP edge. */
export interface ServerLimits {
  /** A JSON body, and one non-file field of a multipart body. */
  maxJsonBytes: number
  /** Values in one JSON text. Clients send some dozens; a refusal prints all of them once for each of fifty faults. */
  maxJsonValues: number
  /** Lists and objects within each other, in JSON and in a value of a document. The schema's inputs go down six. */
  maxInputDepth: number
  maxUploadBytes: number
  maxRequestBytes: number
  maxFiles: number
  /** Multipart requests being received at once; further ones get UNAVAILABLE with `retryAfterMs`. */
  maxConcurrentUploads: number
  /** Those of one user. Its further ones wait unread. */
  maxUploadsPerUser: number
  /** How many of one user may wait, and how long each; beyond it they get RATE_LIMITED with `retryAfterMs`. */
  maxWaitingUploadsPerUser: number
  uploadWaitMs: number
  /** Bytes of files of one user's requests that have no answer yet. */
  maxStagedBytesPerUser: number
  /** A body slower than this over `rateWindowMs` is cut off. */
  minBytesPerSecond: number
  rateWindowMs: number
  /** And one that is slower than this on average once `rateRiseMs` are over. Until then this rises from `minBytesPerSecond`. */
  risenBytesPerSecond: number
  rateRiseMs: number
  /** How long a body may take, however fast it comes. */
  bodyTimeoutMs: number
  maxHeaderBytes: number
  headersTimeoutMs: number
  keepAliveTimeoutMs: number
  /** How long a response waits for a client that does not read before the socket is cut. */
  stallTimeoutMs: number
  /** Requests of one address within a minute. */
  addressRequestsPerMinute: number
  /** How much of a refused body is still read, so that the client receives the answer. */
  lingerBytes: number
  lingerMs: number

  /** A part that does not answer a readiness check within this time is not ready. */
  readyTimeoutMs: number

  maxDocumentBytes: number
  maxTokens: number
  maxDepth: number
  /** Selection sets within each other, inline fragments too: room for two of those around each of `maxDepth` fields. */
  maxSelectionSets: number
  maxAliases: number
  maxDirectives: number
  /** Fields, with each spread of a fragment counted. Pothos limits the sizes of lists as well. */
  maxFields: number
  /** Fields of one selection set that share a name are compared pairwise by validation, and what is selected in them. */
  maxComparisons: number
  /** Images in base64 within one answer, or one event of a stream: the bytes of their files. */
  maxBase64Bytes: number
  /** The same within all answers of a viewer that are not read yet, event streams aside. */
  maxBase64BytesPerUser: number

  maxStreamsPerViewer: number
  maxOperationsPerStream: number
  pingMs: number
  /** A reserved stream that was not opened is dropped after this time. */
  reservationMs: number
  /** A draining server asks subscribers to wait this long before they reconnect, plus a random part. */
  reconnectMs: number

  /** How long `/readyz` fails at the beginning of a drain while requests are still served. */
  drainDelayMs: number
  /** How long a silent connection may still send a request after the process has stopped listening. */
  drainLingerMs: number
  /** How long running requests may take to end before their sockets are cut. */
  drainTimeoutMs: number
}
