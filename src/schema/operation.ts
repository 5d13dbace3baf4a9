import { readValue } from '../catalogue/operation-input.ts'
import { readOperationError } from '../operations/kept-failure.ts'
import { builder } from './builder.ts'
import { visibleTo } from './context.ts'
import { OperationKind, OperationStatus } from './enums.ts'
import { ImagesResponse } from './images-response.ts'
import { OperationError } from './operation-error.ts'
import { OperationInput } from './operation-input.ts'
import { OperationMetadata } from './operation-metadata.ts'
import { besideOwn, User } from './user.ts'

export const Operation = builder.prismaNode('Operation', {
  id: { field: 'id', description: 'The id of the operation.' },
  description:
    'A piece of work that goes on until it has ended, whether or not a client waits for it. It follows the pattern of google.longrunning.Operation.',
  nullable: true,
  authScopes: ({ userId }) => ({ self: userId }),
  findUnique: (id, { viewer }) => ({ id, ...visibleTo(viewer) }),
  fields: (t) => ({
    kind: t.expose('kind', { type: OperationKind, description: 'What it does.' }),
    status: t.expose('status', { type: OperationStatus, description: 'Where it stands.' }),
    done: t.boolean({
      description: 'Whether it has ended. Then exactly one of `error` and `response` is there.',
      select: { finishedAt: true },
      resolve: ({ finishedAt }) => finishedAt !== null,
    }),
    description: t.string({
      nullable: true,
      description: 'The beginning of the prompt, up to 256 characters.',
      select: { input: true },
      resolve: ({ input }) => {
        const messages = readValue(input, 'messages')?.map(({ text }) => text)
        const text = readValue(input, 'prompt') ?? messages?.join(' ')
        return text ? [...text].slice(0, 256).join('') : null
      },
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was accepted.' }),
    modifiedAt: t.expose('modifiedAt', { type: 'DateTime', description: 'When it last changed.' }),
    imagesDeletedAt: t.expose('imagesDeletedAt', {
      type: 'DateTime',
      nullable: true,
      description:
        'When its images were removed by `deleteOperation`, or because their time was over (`retention.resultsMs`): its results, its inputs and its partial images. One that failed or was cancelled loses its inputs earlier (`retention.failedSourcesMs`). Null while they are kept.',
    }),
    createdBy: t.relation('user', { type: User, description: 'Who asked for it.' }),
    metadata: t.variant(OperationMetadata, { description: 'How it is being carried out.' }),
    error: t.field({
      type: OperationError,
      nullable: true,
      description: 'Why it ended without success. Never beside a `response`.',
      select: { id: true, error: true },
      resolve: readOperationError,
    }),
    response: t.variant(ImagesResponse, {
      description: 'The result. Never beside an `error`.',
      isNull: ({ response }) => response === null,
    }),
    input: t.variant(OperationInput, {
      description: 'The input of the mutation, with the source images and the mask.',
    }),
  }),
})

const OperationFilter = builder.inputType('OperationFilter', {
  description: 'Which operations to list. Everything given must hold.',
  fields: (t) => ({
    kind: t.field({ type: [OperationKind], description: 'Only these kinds.' }),
    status: t.field({ type: [OperationStatus], description: 'Only these statuses.' }),
    provider: t.string({ description: 'Only this provider.' }),
    model: t.string({ description: 'Only this model, by its name at the provider.' }),
    endUser: t.string({ description: 'Only for this end user: the `user` of the input.' }),
    userId: t.globalID({ for: User, description: 'Only of this user. Members see only their own anyway.' }),
    createdFrom: t.field({ type: 'DateTime', description: 'Only those accepted at or after this moment.' }),
    createdTo: t.field({ type: 'DateTime', description: 'Only those accepted before this moment.' }),
  }),
})

type Filter = typeof OperationFilter.$inferInput

function toWhere(filter: Filter | null | undefined) {
  if (!filter) return {}
  const { kind, status, provider, model, endUser, userId, createdFrom, createdTo } = filter
  return {
    ...(kind && { kind: { in: kind } }),
    ...(status && { status: { in: status } }),
    ...(provider && { provider }),
    ...(model && { model }),
    ...(endUser && { endUser }),
    ...(userId && { userId: userId.id }),
    ...((createdFrom || createdTo) && {
      createdAt: { ...(createdFrom && { gte: createdFrom }), ...(createdTo && { lt: createdTo }) },
    }),
  }
}

export const OperationConnection = builder.connectionObject(
  { type: Operation, name: 'OperationConnection', description: 'A page of operations.' },
  { name: 'OperationEdge', description: 'An operation and where it stands in the list.' },
)

builder.queryFields((t) => ({
  operation: t.prismaField({
    type: Operation,
    nullable: true,
    description: 'One operation. Null when there is no such operation, or when you may not see it.',
    args: { id: t.arg.globalID({ required: true, for: Operation, description: 'Its id.' }) },
    resolve: (query, _, { id }, { prisma, viewer }) =>
      prisma.operation.findUnique({ ...query, where: { id: id.id, ...visibleTo(viewer) } }),
  }),
  operations: t.prismaConnection(
    {
      type: Operation,
      cursor: 'id',
      defaultSize: 20,
      maxSize: 100,
      description: 'Operations, newest first, 20 a page and 100 at most. An admin sees those of all users.',
      args: {
        filter: t.arg({ type: OperationFilter, description: 'Which ones.' }),
      },
      resolve: (query, _, { filter }, { prisma, viewer }) =>
        prisma.operation.findMany({
          ...query,
          // Ids are made in the order of time.
          orderBy: { id: 'desc' },
          where: {
            AND: [
              toWhere(filter),
              visibleTo(viewer),
              viewer.role === 'ADMIN' ? {} : besideOwn(query.cursor?.id),
            ],
          },
        }),
    },
    OperationConnection,
  ),
}))
