import type { ErrorMeaning } from './meaning.ts'

/** What keeps the gateway from starting. The operator reads these in the log. */
export const startReasons = {
  ALGORITHM_NOT_ALLOWED: {
    code: 'BAD_USER_INPUT',
    meaning: '`jwt.algorithms` has one that is not asymmetric.',
    hint: 'Choose from `allowed`.',
  },
  JWKS_MISSING: {
    code: 'BAD_USER_INPUT',
    meaning: '`jwt` does not say where the keys of the issuer are.',
    hint: 'Set `jwt.jwksUrl`.',
  },
  DATA_FOLDER_IN_USE: {
    code: 'UNAVAILABLE',
    meaning: 'Another Easel process is using the data folder.',
    hint: 'Stop it, or give this one its own EASEL_DATA_DIR or a DATABASE_URL.',
  },
  MIGRATION_LOCKED: {
    code: 'UNAVAILABLE',
    meaning: 'Another process has been migrating the database for too long.',
    hint: 'Start this one again when the other has finished.',
  },
  STORAGE_OWNED_BY_ANOTHER: {
    code: 'UNAVAILABLE',
    meaning: 'The storage holds the images of another database.',
    hint: 'Give this gateway a storage of its own, as the message says.',
  },
} as const satisfies Record<string, ErrorMeaning>
