import type { KeptFailure } from '../operations/kept-failure.ts'
import { builder } from './builder.ts'

export const OperationError = builder.objectRef<KeptFailure>('OperationError').implement({
  description:
    'Why an operation ended without success, as google.rpc.Status: https://cloud.google.com/apis/design/errors. Nothing was charged.',
  fields: (t) => ({
    code: t.exposeInt('code', { description: 'The number of a google.rpc.Code, e.g. 3.' }),
    status: t.exposeString('status', { description: 'The name of that code, e.g. `INVALID_ARGUMENT`.' }),
    message: t.exposeString('message', { description: 'For developers, in English.' }),
    details: t.field({
      type: ['JSON'],
      description: 'More about it, e.g. the categories of a refusal.',
      resolve: ({ details }) => details,
    }),
    reason: t.exposeString('reason', {
      description:
        'What to branch on, e.g. `CONTENT_REFUSED`, `RATE_LIMITED`, `QUOTA_EXHAUSTED`, `NO_IMAGE`, `UPSTREAM_UNAVAILABLE`, `UPSTREAM_OUTCOME_UNKNOWN`, `DEADLINE_EXCEEDED`, `CANCELLED`.',
    }),
    retryable: t.exposeBoolean('retryable', {
      description: 'Whether the same request as a new operation, with a new requestId, may succeed.',
    }),
    retryAfterMs: t.exposeInt('retryAfterMs', {
      nullable: true,
      description: 'How long to wait before that, in milliseconds, where the provider said so.',
    }),
  }),
})
