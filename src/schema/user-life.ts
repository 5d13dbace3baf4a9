import { builder } from './builder.ts'
import { Role } from './enums.ts'
import { User } from './user.ts'

const RevokedKeys = builder.objectRef<{ userId: string; count: number }>('RevokedKeys').implement({
  description: 'What became of the keys of a user.',
  fields: (t) => ({
    count: t.exposeInt('count', {
      description: 'How many keys worked until now: those of the user, and what was made with them.',
    }),
    user: t.prismaField({
      type: User,
      description: 'The user.',
      resolve: (query, { userId }, _, { prisma }) =>
        prisma.user.findUniqueOrThrow({ ...query, where: { id: userId } }),
    }),
  }),
})

builder.mutationFields((t) => {
  const userId = t.arg.globalID({ required: true, for: User, description: 'The id of the user.' })
  return {
    setUserRole: t.prismaField({
      type: User,
      authScopes: { admin: true },
      description:
        'Makes a user an admin or a member, at once; its open streams end. For admins. Errors: `LAST_ADMIN`, `USER_OF_OPERATOR`, `USER_DELETED`.',
      args: {
        id: userId,
        role: t.arg({ type: Role, required: true, description: 'What the user may do from now on.' }),
      },
      resolve: async (query, _, { id, role }, { accounts, prisma, viewer }) => {
        await accounts.setUserRole({ userId: id.id, role }, viewer)
        return prisma.user.findUniqueOrThrow({ ...query, where: { id: id.id } })
      },
    }),
    disableUser: t.prismaField({
      type: User,
      authScopes: { admin: true },
      description:
        'Locks a user out at once: its keys and tokens are refused with `USER_DISABLED`, its streams end, and what it asked for and was not sent yet fails with `ACCESS_REVOKED`. What was sent goes on, and is booked. For admins. Errors: `LAST_ADMIN`, `USER_OF_OPERATOR`.',
      args: { id: userId },
      resolve: async (query, _, { id }, { accounts, operations, prisma, viewer }) => {
        await accounts.disableUser(id.id, viewer)
        await operations.endClosed()
        return prisma.user.findUniqueOrThrow({ ...query, where: { id: id.id } })
      },
    }),
    enableUser: t.prismaField({
      type: User,
      authScopes: { admin: true },
      description:
        'Lets a disabled user in again, with its keys. A deleted user stays deleted, but whoever it was may come again with a token, as a new user. For admins.',
      args: { id: userId },
      resolve: async (query, _, { id }, { accounts, prisma, viewer }) => {
        await accounts.enableUser(id.id, viewer)
        return prisma.user.findUniqueOrThrow({ ...query, where: { id: id.id } })
      },
    }),
    deleteUser: t.prismaField({
      type: User,
      authScopes: { admin: true },
      description:
        'Deletes a user for good: its keys are revoked, its name and its subject at the issuer are gone, and its images and prompts go with the next sweep, within about an hour. Its usage stays, without a name. A token of the same subject is refused with `USER_DELETED` until an admin calls `enableUser`. For admins. Errors: `LAST_ADMIN`, `USER_OF_OPERATOR`.',
      args: { id: userId },
      resolve: async (query, _, { id }, { accounts, operations, prisma, viewer }) => {
        await accounts.deleteUser(id.id, viewer)
        await operations.endClosed()
        return prisma.user.findUniqueOrThrow({ ...query, where: { id: id.id } })
      },
    }),
    revokeAllKeys: t.field({
      type: RevokedKeys,
      authScopes: (_, args) => ({ self: args.userId.id }),
      description:
        "Revokes every key of a user at once, and what was made with them. Members revoke their own, admins anybody's. Tokens go on: see `disableUser`.",
      args: { userId },
      resolve: async (_, args, { accounts, operations, viewer }) => {
        const count = await accounts.revokeAllKeys(args.userId.id, viewer)
        await operations.endClosed()
        return { userId: args.userId.id, count }
      },
    }),
  }
})
