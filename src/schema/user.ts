import { builder } from './builder.ts'
import { visibleTo } from './context.ts'
import { Role } from './enums.ts'

export const User = builder.prismaNode('User', {
  id: { field: 'id', description: 'The id of the user.' },
  description: 'Somebody who uses this gateway. A member sees only itself.',
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
  }),
})

builder.queryField('viewer', (t) =>
  t.prismaField({
    type: User,
    description: 'Who you are. With `EASEL_AUTH=off` that is the admin `local`.',
    resolve: (query, _, __, { prisma, viewer }) =>
      prisma.user.findUniqueOrThrow({ ...query, where: { id: viewer.userId } }),
  }),
)

/**
 * Of whom the operation of the cursor is too. Prisma starts a page behind any row there is, so the cursor of
 * somebody else's operation would tell that it exists.
 */
export function besideOwn(cursorId: string | undefined) {
  return cursorId === undefined ? {} : { user: { operations: { some: { id: cursorId } } } }
}
