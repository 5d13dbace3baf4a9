import { builder } from './builder.ts'

export const OperationMetadata = builder.prismaObject('Operation', {
  variant: 'OperationMetadata',
  description: 'How an operation is being carried out.',
  select: { id: true, kind: true, provider: true, model: true },
  fields: (t) => ({
    provider: t.exposeString('provider', { description: 'The provider that runs it or will run it.' }),
    model: t.exposeString('model', { description: "The model's name at that provider." }),
    throughEdits: t.boolean({
      description: 'Whether it is a variation that is carried out as an edit with a prompt from Easel.',
      resolve: ({ kind, provider, model }, _, { providers }) =>
        kind === 'VARIATION' && (providers.find(`${provider}/${model}`)?.variationsThroughEdits ?? false),
    }),
    stage: t.exposeString('stage', {
      description:
        'What is being done: `QUEUED`, `CALLING_PROVIDER`, `RECEIVING`, `WAITING_TO_RETRY`, `WAITING_FOR_STORAGE` (images cannot be kept at the moment, so nothing is paid for), `RECONCILING` (the provider is asked what became of it), `WAITING_FOR_REPLICA` (the machine that has its reply is away), or the final status.',
    }),
    attempts: t.int({
      description: 'How many calls of a provider were made so far.',
      select: { _count: { select: { attempts: true } } },
      resolve: ({ _count }) => _count.attempts,
    }),
    partialImages: t.int({
      description: 'How many partial images have been sent.',
      select: { _count: { select: { images: { where: { role: 'PARTIAL' } } } } },
      resolve: ({ _count }) => _count.images,
    }),
    queuedAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was accepted.' }),
    startedAt: t.expose('startedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When a worker first started on it.',
    }),
    finishedAt: t.expose('finishedAt', { type: 'DateTime', nullable: true, description: 'When it ended.' }),
    deadlineAt: t.expose('deadlineAt', {
      type: 'DateTime',
      description: 'The deadline: it fails if it has not ended by then.',
    }),
    cancelRequestedAt: t.expose('cancelRequestedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When cancelling it was requested.',
    }),
    upstreamRequestIds: t.stringList({
      description: "The provider's ids of the requests (`x-request-id`), for its support.",
      select: { attempts: { select: { upstreamRequestId: true }, orderBy: { number: 'asc' } } },
      resolve: ({ attempts }) => attempts.flatMap(({ upstreamRequestId }) => upstreamRequestId ?? []),
    }),
    upstreamOperationIds: t.stringList({
      description: "The provider's own ids of its operations, for providers with polled jobs.",
      select: { attempts: { select: { upstreamOperationIds: true }, orderBy: { number: 'asc' } } },
      resolve: ({ attempts }) => attempts.flatMap(({ upstreamOperationIds }) => upstreamOperationIds),
    }),
  }),
})
