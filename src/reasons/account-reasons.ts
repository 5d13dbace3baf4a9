import type { ErrorMeaning } from './meaning.ts'

/** Who may do what, and how much of it. */
export const accountReasons = {
  CREDENTIALS_MISSING: {
    code: 'UNAUTHENTICATED',
    meaning: 'The request has no API key and no token.',
    hint: 'Send Authorization: Bearer, and the key or the token.',
  },
  CREDENTIALS_INVALID: {
    code: 'UNAUTHENTICATED',
    meaning: 'The API key or the token is not valid.',
    hint: 'Use another key, or have the token renewed.',
  },
  USER_DISABLED: {
    code: ['UNAUTHENTICATED', 'BAD_USER_INPUT'],
    meaning: 'The user is disabled.',
    hint: 'An admin can enable it.',
  },
  USER_DELETED: {
    code: ['UNAUTHENTICATED', 'BAD_USER_INPUT'],
    meaning: 'The user was deleted.',
    hint: 'An admin can let its subject come again, as a new user, with `enableUser`.',
  },
  LAST_ADMIN: {
    code: 'BAD_USER_INPUT',
    meaning: 'Nobody else could manage the gateway then.',
    hint: 'Make another admin first, with a key or a token that works.',
  },
  USER_OF_OPERATOR: {
    code: 'BAD_USER_INPUT',
    meaning: 'The users `admin` and `local` are the way in of whoever runs the gateway.',
    hint: 'Remove EASEL_ADMIN_KEY, and start the gateway again.',
  },
  API_KEY_EXPIRY_MISSING: {
    code: 'BAD_USER_INPUT',
    meaning: 'A key that a member makes with a token needs an expiry.',
    hint: 'Send `expiresAt`, `allowed.max` at the latest, or ask an admin for a key.',
  },
  MODEL_NOT_ALLOWED: {
    code: 'FORBIDDEN',
    meaning: 'The key may not use this model.',
    hint: 'Use one of `allowed`, or another key.',
  },
  REQUEST_NOT_LOCAL: {
    code: 'FORBIDDEN',
    meaning: 'Authentication is off, and the request comes from another machine.',
    hint: 'The operator can start the gateway with EASEL_AUTH=on.',
  },
  API_KEY_TAKEN: {
    code: 'BAD_USER_INPUT',
    meaning: 'A user has this API key already.',
    hint: 'Choose another key.',
  },
  TOO_MANY_API_KEYS: {
    code: 'BAD_USER_INPUT',
    meaning: 'The user has as many working API keys as are allowed.',
    hint: 'Revoke a key first.',
  },
  REQUEST_RATE: {
    code: 'RATE_LIMITED',
    meaning: 'The user or the key has sent as many requests within a minute as are allowed.',
    hint: 'Send it again after `retryAfterMs`.',
  },
  IMAGE_RATE: {
    code: 'RATE_LIMITED',
    meaning: 'The user or the key has asked for as many images within a minute as are allowed.',
    hint: 'Send it again after `retryAfterMs`.',
  },
  TOKEN_RATE: {
    code: 'RATE_LIMITED',
    meaning: 'The user or the key has asked for as many tokens within a minute as are allowed.',
    hint: 'Send it again after `retryAfterMs`.',
  },
  TOO_MANY_UNFINISHED: {
    code: 'RATE_LIMITED',
    meaning: 'The user has as many operations queued or running as are allowed.',
    hint: 'Wait until one has ended, or cancel one.',
  },
  DAY_TOKENS: {
    code: 'BUDGET_EXCEEDED',
    meaning: 'The daily budget of tokens does not hold the most that this may take.',
    hint: 'Wait until `resetsAt`, ask for less, or have the budget raised.',
  },
  DAY_MONEY: {
    code: 'BUDGET_EXCEEDED',
    meaning: 'The daily budget of money does not hold the most that this may take.',
    hint: 'Wait until `resetsAt`, ask for less, or have the budget raised.',
  },
  MONTH_TOKENS: {
    code: 'BUDGET_EXCEEDED',
    meaning: 'The monthly budget of tokens does not hold the most that this may take.',
    hint: 'Wait until `resetsAt`, ask for less, or have the budget raised.',
  },
  MONTH_MONEY: {
    code: 'BUDGET_EXCEEDED',
    meaning: 'The monthly budget of money does not hold the most that this may take.',
    hint: 'Wait until `resetsAt`, ask for less, or have the budget raised.',
  },
  TOTAL_TOKENS: {
    code: 'BUDGET_EXCEEDED',
    meaning: 'The total budget of tokens does not hold the most that this may take.',
    hint: 'Ask for less, or have the budget raised.',
  },
  TOTAL_MONEY: {
    code: 'BUDGET_EXCEEDED',
    meaning: 'The total budget of money does not hold the most that this may take.',
    hint: 'Ask for less, or have the budget raised.',
  },
  CURRENCY_NOT_CONVERTIBLE: {
    code: 'BAD_USER_INPUT',
    meaning: 'The model is paid for in another currency than a budget counts, and no rate leads to it.',
    hint: 'Choose a model that is paid for in `budget.currency`. The operator can configure a rate in `money.rates`.',
  },
  PRICE_UNKNOWN: {
    code: 'BAD_USER_INPUT',
    meaning: 'There is a budget of money, and no price says the most that the model may cost.',
    hint: 'Choose another model. The operator can give this one `prices`, of 0 if it is free.',
  },
  TOKENS_WITH_CURRENCY: {
    code: 'BAD_USER_INPUT',
    meaning: 'A budget of tokens was given a currency.',
    hint: 'Leave `currency` out, or set a budget of money.',
  },
  RANGE_EMPTY: {
    code: 'BAD_USER_INPUT',
    meaning: 'The report ends before it begins.',
    hint: 'Choose a `to` after `from`.',
  },
  TIME_ZONE_UNKNOWN: {
    code: 'BAD_USER_INPUT',
    meaning: 'There is no such time zone.',
    hint: 'Use a name such as Europe/Moscow.',
  },
  REPORT_TOO_LARGE: {
    code: 'BAD_USER_INPUT',
    meaning: 'The report has too many rows.',
    hint: 'Choose a shorter time, or group by less.',
  },
} as const satisfies Record<string, ErrorMeaning>
