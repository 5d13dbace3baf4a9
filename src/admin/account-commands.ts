import { type AdminAction, show, showList } from './admin-context.ts'
import { printable } from './table.ts'
import { findUserId, readUsers } from './users.ts'

interface User {
  id: string
  name: string
  role: string
  createdAt: string
}

interface ApiKey {
  id: string
  name: string
  prefix: string
  createdAt: string
  lastUsedAt: string | null
  revokedAt: string | null
}

const userFields = 'id name role createdAt'
const keyFields = 'id name prefix createdAt lastUsedAt revokedAt'

export const listUsers: AdminAction<[]> = async (context) => {
  const rows = await readUsers<User>(context.gateway, userFields, undefined)
  showList(context, {
    rows,
    columns: {
      id: (user) => user.id,
      name: (user) => user.name,
      role: (user) => user.role,
      created: (user) => user.createdAt,
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
      revoked: (key) => key.revokedAt,
    },
  })
}

export const createKey: AdminAction<[name: string, options: { user: string }]> = async (
  context,
  name,
  { user },
) => {
  const { gateway } = context
  const input = { userId: await findUserId(gateway, user), name }
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
  show(context, key, `The key ${printable(key.name)} (${printable(key.prefix)}…) opens nothing any more.`)
}
