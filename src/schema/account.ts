import { z } from 'zod'
import type { ImageModel } from '../catalogue/image-model.ts'
import { isAllowed, refuseUnknownModel } from '../catalogue/model-registry.ts'
import { notFound } from '../errors.ts'
import { builder } from './builder.ts'
import { visibleTo } from './context.ts'
import { readCursor } from './cursor.ts'
import { Role } from './enums.ts'
import { Operation, OperationConnection } from './operation.ts'
import { UsageReport } from './usage-report.ts'
import { besideOwn, User } from './user.ts'

const name = z
  .string()
  .trim()
  .min(1, 'A name is 1 to 100 characters.')
  .max(100, 'A name is 1 to 100 characters.')

const models = z
  .array(z.string().min(1).max(200))
  .min(1, 'A key may use at least one model.')
  .max(100, 'A list of models has at most 100.')
  .nullish()

export const ApiKey = builder.prismaNode('ApiKey', {
  id: { field: 'id', description: 'The id of the key; not the key.' },
  description: 'A key to this gateway. Its secret is shown once, when it is made; only a keyed hash is kept.',
  nullable: true,
  authScopes: ({ userId }) => ({ self: userId }),
  findUnique: (id, { viewer }) => ({ id, ...visibleTo(viewer) }),
  fields: (t) => ({
    name: t.exposeString('name', { description: 'A name for people to read.' }),
    prefix: t.exposeString('prefix', {
      description: 'The first characters of the secret, to tell keys apart.',
    }),
    user: t.relation('user', { description: 'Whose key it is.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    lastUsedAt: t.expose('lastUsedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was last used, to the minute.',
    }),
    revokedAt: t.expose('revokedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was revoked. Requests with the key are refused from then on.',
    }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'From when on it opens nothing. Null: it does not expire.',
    }),
    models: t.field({
      type: ['String'],
      nullable: true,
      description: 'The models that it may use, as given when it was made. Null: all.',
      select: { models: true },
      resolve: ({ models }) => (models.length > 0 ? models : null),
    }),
    madeWithKey: t.boolean({
      description: 'Whether it was made with another key: then it is revoked together with that one.',
      select: { madeWithId: true },
      resolve: ({ madeWithId }) => madeWithId !== null,
    }),
    alsoRevoked: t.relationCount('revokedAlong', {
      description: 'How many other keys its revocation revoked: those that were made with it, and theirs.',
    }),
  }),
})

builder.prismaObjectFields(User, (t) => ({
  apiKeys: t.relation('apiKeys', {
    authScopes: ({ id }) => ({ self: id }),
    description: 'The keys of the user: those that work, then revoked ones, newest first, 200 at most.',
    // A user has at most 100 working keys, but may have any number of revoked ones.
    query: { orderBy: [{ revokedAt: { sort: 'desc', nulls: 'first' } }, { id: 'desc' }], take: 200 },
  }),
  operations: t.relatedConnection(
    'operations',
    {
      type: Operation,
      cursor: 'id',
      defaultSize: 20,
      maxSize: 100,
      authScopes: ({ id }) => ({ self: id }),
      description: 'The operations of the user, newest first.',
      query: ({ after, before }) => ({
        orderBy: { id: 'desc' },
        where: besideOwn(readCursor(after ?? before)),
      }),
    },
    OperationConnection,
  ),
  usage: t.field({
    type: UsageReport,
    authScopes: ({ id }) => ({ self: id }),
    description: 'The total usage of the user between two moments.',
    args: {
      from: t.arg({ type: 'DateTime', required: true, description: 'The beginning, inclusive.' }),
      to: t.arg({ type: 'DateTime', required: true, description: 'The end, exclusive.' }),
    },
    resolve: ({ id }, { from, to }, { loaders }) => loaders.usage.load({ userId: id, from, to }),
  }),
}))

builder.queryField('users', (t) =>
  t.prismaConnection(
    {
      type: User,
      cursor: 'id',
      defaultSize: 20,
      maxSize: 100,
      authScopes: { admin: true },
      description: 'Everybody who uses this gateway. For admins.',
      resolve: (query, _, __, { prisma }) => prisma.user.findMany({ ...query, orderBy: { id: 'desc' } }),
    },
    { name: 'UserConnection', description: 'A page of users.' },
    { name: 'UserEdge', description: 'A user and where it stands in the list.' },
  ),
)

const CreateUserInput = builder.inputType('CreateUserInput', {
  description: 'A new user.',
  fields: (t) => ({
    name: t.string({ required: true, validate: name, description: '1 to 100 characters.' }),
    role: t.field({ type: Role, defaultValue: 'MEMBER', description: 'What the user may do.' }),
  }),
})

const CreateApiKeyInput = builder.inputType('CreateApiKeyInput', {
  description: 'A new key.',
  fields: (t) => ({
    userId: t.globalID({
      for: User,
      required: true,
      description: 'The owner of the key. Members can make keys for themselves only.',
    }),
    name: t.string({ required: true, validate: name, description: '1 to 100 characters.' }),
    expiresAt: t.field({
      type: 'DateTime',
      description:
        "From when on it opens nothing. A member's key lives no longer than the key it is made with; made with a token it needs an expiry, within `limits.maxTokenKeySeconds`. Errors: `OUT_OF_RANGE`, `API_KEY_EXPIRY_MISSING`.",
    }),
    models: t.stringList({
      validate: models,
      description:
        'The models that it may use, each as callers name it. Absent: all, or those of the key that makes it. Errors: `MODEL_UNKNOWN`, `MODEL_NOT_ALLOWED`.',
    }),
  }),
})

const CreatedApiKey = builder
  .objectRef<{ apiKey: { id: string }; secret: string }>('CreatedApiKey')
  .implement({
    description: 'A new key with its secret.',
    fields: (t) => ({
      apiKey: t.prismaField({
        type: ApiKey,
        description: 'The key as Easel keeps it, without its secret.',
        resolve: (query, { apiKey }, _, { prisma }) =>
          prisma.apiKey.findUniqueOrThrow({ ...query, where: { id: apiKey.id } }),
      }),
      secret: t.exposeString('secret', {
        description: 'The key: send it as `Authorization: Bearer …`. It is shown this once.',
      }),
    }),
  })

builder.mutationFields((t) => ({
  createUser: t.prismaField({
    type: User,
    authScopes: { admin: true },
    description: 'Makes a user. For admins.',
    args: { input: t.arg({ type: CreateUserInput, required: true, description: 'The user.' }) },
    resolve: async (query, _, { input }, { accounts, prisma, viewer }) => {
      const { id } = await accounts.createUser({ name: input.name, role: input.role ?? 'MEMBER' }, viewer)
      return prisma.user.findUniqueOrThrow({ ...query, where: { id } })
    },
  }),
  createApiKey: t.field({
    type: CreatedApiKey,
    authScopes: (_, { input }) => ({ self: input.userId.id }),
    description: "Makes a key. Members make their own, admins anybody's.",
    args: { input: t.arg({ type: CreateApiKeyInput, required: true, description: 'The key.' }) },
    resolve: (_, { input }, { accounts, providers, viewer }) => {
      const { userId, expiresAt = null, models: named = null } = input
      refuseUnknown(named ?? [], providers.models())
      return accounts.createApiKey({ userId: userId.id, name: input.name, expiresAt, models: named }, viewer)
    },
  }),
  revokeApiKey: t.prismaField({
    type: ApiKey,
    description:
      'Revokes a key at once, and with it the keys that were made with it, and theirs: `alsoRevoked` counts them. Requests with them are refused, open streams under them end, and what they asked for and was not sent yet fails with `ACCESS_REVOKED`. Revoking a key again changes nothing.',
    args: { id: t.arg.globalID({ required: true, for: ApiKey, description: 'The id of the key.' }) },
    resolve: async (query, _, { id }, { accounts, operations, prisma, viewer }) => {
      const where = { id: id.id, ...visibleTo(viewer) }
      if (!(await prisma.apiKey.findUnique({ where }))) throw notFound('key')
      await accounts.revokeApiKey(id.id, viewer)
      await operations.endClosed()
      return prisma.apiKey.findUniqueOrThrow({ ...query, where })
    },
  }),
}))

/** A name that no model has would make a key that opens nothing. */
function refuseUnknown(named: readonly string[], all: readonly ImageModel[]): void {
  const index = named.findIndex((one) => !all.some((model) => isAllowed(model, [one])))
  if (index >= 0) throw refuseUnknownModel(named[index] ?? '', all, `input.models.${index}`)
}
