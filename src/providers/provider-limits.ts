export interface ProviderLimits {
  connectTimeoutMs: number
  /** Between two pieces of a result that is fetched from an address. */
  replyIdleTimeoutMs: number
  /** Before a result that could not be fetched is tried again. */
  downloadPauseMs: number
  /** For the usage that a stream may tell after its last image. */
  usageWaitMs: number
  /** One reply, images and all. */
  maxReplyBytes: number
  /** One event of a stream. A PNG of 3840x2160 can reach 45 MB of base64. */
  maxEventBytes: number
  /** A reply without its images. */
  maxTextBytes: number
  /** Replaces a dialect's own pauses between polls of a job; the last one repeats. */
  pollIntervalsMs?: readonly number[] | undefined
  breaker: { maxFailures: number; pauseMs: number }
}
