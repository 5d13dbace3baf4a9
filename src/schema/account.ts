import { z } from 'zod'
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
    resolve: async (query, _, { input }, { accounts, prisma }) => {
      const { id } = await accounts.createUser({ name: input.name, role: input.role ?? 'MEMBER' })
      return prisma.user.findUniqueOrThrow({ ...query, where: { id } })
    },
  }),
  createApiKey: t.field({
    type: CreatedApiKey,
    authScopes: (_, { input }) => ({ self: input.userId.id }),
    description: "Makes a key. Members make their own, admins anybody's.",
    args: { input: t.arg({ type: CreateApiKeyInput, required: true, description: 'The key.' }) },
    resolve: (_, { input }, { accounts }) =>
      accounts.createApiKey({ userId: input.userId.id, name: input.name }),
  }),
  revokeApiKey: t.prismaField({
    type: ApiKey,
    description:
      'Revokes a key at once: requests with it are refused and open streams under it end. Revoking a key again changes nothing.',
    args: { id: t.arg.globalID({ required: true, for: ApiKey, description: 'The id of the key.' }) },
    resolve: async (query, _, { id }, { accounts, prisma, viewer }) => {
      const where = { id: id.id, ...visibleTo(viewer) }
      if (!(await prisma.apiKey.findUnique({ where }))) throw notFound('key')
      await accounts.revokeApiKey(id.id)
      return prisma.apiKey.findUniqueOrThrow({ ...query, where })
    },
  }),
}))
