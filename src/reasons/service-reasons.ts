import type { ErrorMeaning } from './meaning.ts'

/** What the gateway itself stands on, while it runs. */
export const serviceReasons = {
  DATABASE_UNAVAILABLE: {
    code: 'UNAVAILABLE',
    meaning: 'The database cannot be reached at the moment.',
    hint: 'Send it again after `retryAfterMs`.',
  },
  QUEUE_STARTING: {
    code: 'UNAVAILABLE',
    meaning: 'The gateway is starting and cannot take requests yet.',
    hint: 'Send it again after `retryAfterMs`.',
  },
  STORAGE_UNAVAILABLE: {
    code: 'UNAVAILABLE',
    meaning: 'The storage of the images cannot be reached at the moment.',
    hint: 'Send it again after `retryAfterMs`.',
  },
  STORAGE_FULL: {
    code: 'UNAVAILABLE',
    meaning: 'There is no room left to keep the image.',
    hint: 'The operator can make room on the disk.',
  },
  IDENTITY_PROVIDER_UNAVAILABLE: {
    code: 'UNAVAILABLE',
    meaning: 'Tokens cannot be verified, because the keys of their issuer are out of reach.',
    hint: 'Send it again after `retryAfterMs`.',
  },
} as const satisfies Record<string, ErrorMeaning>
