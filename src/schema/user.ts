import { builder } from './builder.ts'
import { visibleTo } from './context.ts'
import { Role } from './enums.ts'

export const User = builder.prismaNode('User', {
  id: { field: 'id', description: 'The id of the user.' },
  description: 'A user of this gateway. A member sees only itself.',
  nullable: true,
  authScopes: ({ id }) => ({ self: id }),
  findUnique: (id, { viewer }) => {
    const { userId } = visibleTo(viewer)
    return userId === undefined || userId === id ? { id } : { id, AND: { id: userId } }
  },
  fields: (t) => ({
    name: t.exposeString('name', { description: 'A name for people to read.' }),
    role: t.expose('role', { type: Role, description: 'What the user may do.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the user was first seen.' }),
    disabledAt: t.expose('disabledAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the user was disabled: since then its keys and tokens open nothing.',
    }),
    deletedAt: t.expose('deletedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the user was deleted. Its usage stays, without its name.',
    }),
  }),
})

builder.queryField('viewer', (t) =>
  t.prismaField({
    type: User,
    description: 'The user of this request. With `EASEL_AUTH=off` it is the admin `local`.',
    resolve: (query, _, __, { prisma, viewer }) =>
      prisma.user.findUniqueOrThrow({ ...query, where: { id: viewer.userId } }),
  }),
)

/**
 * Limits a page to the owner of the operation that the cursor names. Prisma starts a page after any row that exists, so
 * the cursor of another user's operation would otherwise show that it exists.
 */
export function besideOwn(cursorId: string | undefined) {
  return cursorId === undefined ? {} : { user: { operations: { some: { id: cursorId } } } }
}
