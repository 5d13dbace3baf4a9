import type { AuditAction as Action } from '../accounts/accounts.ts'
import { builder } from './builder.ts'
import { User } from './user.ts'

const AuditAction = builder.enumType('AuditAction', {
  description: 'What was done.',
  values: {
    CREATE_USER: { description: 'A user was made.' },
    SET_USER_ROLE: { description: 'A user became an admin or a member.' },
    DISABLE_USER: { description: 'A user was locked out.' },
    ENABLE_USER: { description: 'A user was let in again.' },
    DELETE_USER: { description: 'A user was deleted.' },
    CREATE_API_KEY: { description: 'A key was made.' },
    REVOKE_API_KEY: { description: 'A key was revoked, with those made with it.' },
    REVOKE_ALL_KEYS: { description: 'All keys of a user were revoked.' },
    DELETE_OPERATION: { description: 'What a user had asked for and got was deleted by an admin.' },
    SET_BUDGET: { description: 'A limit was set or taken away.' },
    SET_RATE_LIMITS: { description: 'What a user or a key may ask for was changed.' },
  } as const satisfies Record<Action, { description: string }>,
})

const AuditEntry = builder.prismaObject('AuditEntry', {
  description:
    'One act on users, keys, budgets or operations. Entries are written with the act, and never change.',
  authScopes: { admin: true },
  fields: (t) => ({
    id: t.exposeID('id', { description: 'The id of the entry.' }),
    at: t.expose('at', { type: 'DateTime', description: 'When.' }),
    action: t.field({
      type: AuditAction,
      description: 'What.',
      select: { action: true },
      resolve: ({ action }) => action as Action,
    }),
    actor: t.relation('actor', { description: 'Who did it.' }),
    actorKey: t.relation('actorKey', {
      nullable: true,
      description: 'The key that was used; null for a token, and for a gateway that is open.',
    }),
    user: t.relation('user', { nullable: true, description: 'To whom.' }),
    key: t.relation('key', { nullable: true, description: 'To which key.' }),
    details: t.expose('details', {
      type: 'JSON',
      description: 'What it was and became, such as `{"from": "MEMBER", "to": "ADMIN"}`. Never a secret.',
    }),
  }),
})

builder.queryField('auditLog', (t) =>
  t.prismaConnection(
    {
      type: AuditEntry,
      cursor: 'id',
      defaultSize: 20,
      maxSize: 100,
      authScopes: { admin: true },
      description: 'What was done to users, keys and budgets, newest first. For admins.',
      args: {
        userId: t.arg.globalID({
          for: User,
          description: 'Only what this user did, or what was done to it.',
        }),
        action: t.arg({ type: AuditAction, description: 'Only this.' }),
      },
      resolve: (query, _, { userId, action }, { prisma }) =>
        prisma.auditEntry.findMany({
          ...query,
          orderBy: { id: 'desc' },
          where: {
            ...(action && { action }),
            ...(userId && { OR: [{ actorId: userId.id }, { userId: userId.id }] }),
          },
        }),
    },
    { name: 'AuditEntryConnection', description: 'A page of the audit log.' },
    { name: 'AuditEntryEdge', description: 'An entry and where it stands in the list.' },
  ),
)
