/** What somebody can do about a failed operation, by the reason the gateway gives. */
const advice: Record<string, string> = {
  CONTENT_REFUSED:
    'The provider’s safety system refused it. Put the prompt in other words, or use another image.',
  RATE_LIMITED: 'The provider takes no more requests for now. Wait a little and run it again.',
  QUOTA_EXHAUSTED: 'The account at the provider has no credit left. An operator has to top it up.',
  NO_IMAGE: 'The provider answered without an image. Running it again often helps.',
  UPSTREAM_UNAVAILABLE: 'The provider could not be reached or is overloaded. Run it again in a while.',
  UPSTREAM_OUTCOME_UNKNOWN:
    'The connection broke after the request was sent, so nobody knows whether the provider did the work. You were not charged. Run it again if you still want the image.',
  DEADLINE_EXCEEDED: 'It took longer than this gateway allows. A lower quality or a smaller size is faster.',
  STORAGE_UNAVAILABLE: 'The gateway could not have kept the image. Run it again in a while.',
  CANCELLED: 'It was cancelled. Nothing was charged.',
}

export function adviceFor(reason: string, retryable: boolean): string {
  const known = advice[reason]
  if (known) return known
  return retryable
    ? 'Running it again may help.'
    : 'Running it again as it is will not help: change the request.'
}
