import { type AdminAction, show, showList } from './admin-context.ts'
import { readMoment } from './moment.ts'
import { printable } from './table.ts'
import { findUserId, readUsers } from './users.ts'

interface User {
  id: string
  name: string
  role: string
  createdAt: string
  disabledAt: string | null
  deletedAt: string | null
}

interface ApiKey {
  id: string
  name: string
  prefix: string
  createdAt: string
  lastUsedAt: string | null
  revokedAt: string | null
  expiresAt: string | null
  models: string[] | null
  alsoRevoked: number
}

const userFields = 'id name role createdAt disabledAt deletedAt'
const keyFields = 'id name prefix createdAt lastUsedAt revokedAt expiresAt models alsoRevoked'

export const listUsers: AdminAction<[]> = async (context) => {
  const rows = await readUsers<User>(context.gateway, userFields, undefined)
  showList(context, {
    rows,
    columns: {
      id: (user) => user.id,
      name: (user) => user.name,
      role: (user) => user.role,
      created: (user) => user.createdAt,
      state: ({ deletedAt, disabledAt }) => (deletedAt ? 'deleted' : disabledAt ? 'disabled' : null),
    },
  })
}

export const createUser: AdminAction<[name: string, options: { role: string }]> = async (
  context,
  name,
  { role },
) => {
  const document = `mutation CreateUser($input: CreateUserInput!) { createUser(input: $input) { ${userFields} } }`
  const { createUser: user } = await context.gateway.query<{ createUser: User }>(document, {
    input: { name, role: role.toUpperCase() },
  })
  show(context, user, user.id)
}

export const listKeys: AdminAction<[options: { user?: string }]> = async (context, { user }) => {
  const users = await readUsers<User & { apiKeys: ApiKey[] }>(
    context.gateway,
    `id name apiKeys { ${keyFields} }`,
    user,
  )
  const rows = users.flatMap(({ id, name, apiKeys }) =>
    apiKeys.map((key) => ({ ...key, user: { id, name } })),
  )
  showList(context, {
    rows,
    columns: {
      id: (key) => key.id,
      user: (key) => key.user.name,
      name: (key) => key.name,
      prefix: (key) => key.prefix,
      created: (key) => key.createdAt,
      'last used': (key) => key.lastUsedAt,
      expires: (key) => key.expiresAt,
      models: (key) => key.models?.join(', ') ?? null,
      revoked: (key) => key.revokedAt,
    },
  })
}

interface KeyOptions {
  user: string
  expires?: string
  models?: string
}

export const createKey: AdminAction<[name: string, options: KeyOptions]> = async (
  context,
  name,
  { user, expires, models },
) => {
  const { gateway } = context
  const input = {
    userId: await findUserId(gateway, user),
    name,
    ...(expires && { expiresAt: readMoment('--expires', expires) }),
    ...(models && { models: models.split(',').map((model) => model.trim()) }),
  }
  const document = `mutation CreateApiKey($input: CreateApiKeyInput!) {
    createApiKey(input: $input) { secret apiKey { ${keyFields} } } }`
  const { createApiKey } = await gateway.query<{ createApiKey: { secret: string; apiKey: ApiKey } }>(
    document,
    {
      input,
    },
  )
  // Prints the key alone, so that a script can use the output.
  show(context, createApiKey, createApiKey.secret)
}

export const revokeKey: AdminAction<[id: string]> = async (context, id) => {
  const document = `mutation RevokeApiKey($id: ID!) { revokeApiKey(id: $id) { ${keyFields} } }`
  const { revokeApiKey: key } = await context.gateway.query<{ revokeApiKey: ApiKey }>(document, { id })
  const also = key.alsoRevoked > 0 ? ` So do ${key.alsoRevoked} that were made with it.` : ''
  show(
    context,
    key,
    `The key ${printable(key.name)} (${printable(key.prefix)}…) opens nothing any more.${also}`,
  )
}

export const revokeAllKeys: AdminAction<[options: { user: string }]> = async (context, { user }) => {
  const userId = await findUserId(context.gateway, user)
  const document = 'mutation RevokeAllKeys($userId: ID!) { revokeAllKeys(userId: $userId) { count } }'
  const { revokeAllKeys: revoked } = await context.gateway.query<{ revokeAllKeys: { count: number } }>(
    document,
    { userId },
  )
  show(context, revoked, `Keys that open nothing any more: ${revoked.count}.`)
}

const userSentences = {
  disableUser: 'is disabled: its keys and tokens open nothing, and nothing of it is sent any more',
  enableUser: 'may come in again',
  deleteUser: 'is deleted: its usage stays, without its name',
} as const

type UserAct = keyof typeof userSentences

/** Disables, enables or deletes a user. */
export function changeUser(act: UserAct): AdminAction<[user: string]> {
  return async (context, user) => {
    const id = await findUserId(context.gateway, user)
    const document = `mutation ChangeUser($id: ID!) { ${act}(id: $id) { ${userFields} } }`
    const data = await context.gateway.query<Record<UserAct, User>>(document, { id })
    show(context, data[act], `The user ${printable(user)} ${userSentences[act]}.`)
  }
}

export const setUserRole: AdminAction<[user: string, role: string]> = async (context, user, role) => {
  const id = await findUserId(context.gateway, user)
  const document = `mutation SetUserRole($id: ID!, $role: Role!) { setUserRole(id: $id, role: $role) { ${userFields} } }`
  const variables = { id, role: role.toUpperCase() }
  const { setUserRole: changed } = await context.gateway.query<{ setUserRole: User }>(document, variables)
  show(context, changed, `The user ${printable(user)} is ${role === 'admin' ? 'an admin' : 'a member'} now.`)
}
