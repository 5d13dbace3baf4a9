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
  /** Multipart requests being received at once; more are told to come back. */
  maxConcurrentUploads: number
  /** A body slower than this over `rateWindowMs` is cut off. */
  minBytesPerSecond: number
  rateWindowMs: number
  maxHeaderBytes: number
  headersTimeoutMs: number
  keepAliveTimeoutMs: number
  /** How long a response waits for a client that does not read before the socket is cut. */
  stallTimeoutMs: number
  /** What is still read of a refused body, so that the client gets to see the answer. */
  lingerBytes: number
  lingerMs: number

  /** A database that does not answer by then is not ready. */
  readyTimeoutMs: number

  maxDocumentBytes: number
  maxTokens: number
  maxDepth: number
  /** Selection sets within each other, inline fragments too: room for two of those around each of `maxDepth` fields. */
  maxSelectionSets: number
  maxAliases: number
  maxDirectives: number
  /** Fields after fragments are spread out; Pothos weighs lists on top of it. */
  maxFields: number

  maxStreamsPerViewer: number
  maxOperationsPerStream: number
  pingMs: number
  /** A reserved stream nobody opened is given up after this. */
  reservationMs: number
  /** Base of the jittered wait that a draining server asks its subscribers for. */
  reconnectMs: number

  /** After the drain began, how long `/readyz` says no while everything is still served. */
  drainDelayMs: number
  /** How long a silent connection of a process that listens no more may still bring a request. */
  drainLingerMs: number
  /** How long running requests may take to end before their sockets are cut. */
  drainTimeoutMs: number
}
