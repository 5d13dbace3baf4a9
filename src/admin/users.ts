import { AdminError, exitCodes } from './admin-error.ts'
import type { GatewayClient } from './gateway-client.ts'

interface Page<User> {
  users: { edges: { node: User }[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } }
}

/** Every user with these fields, page by page. */
export async function* eachUser<User>(gateway: GatewayClient, fields: string): AsyncGenerator<User> {
  const document = `query Users($after: String) {
    users(first: 100, after: $after) { edges { node { ${fields} } } pageInfo { hasNextPage endCursor } } }`
  for (let after: string | null = null; ; ) {
    const { users }: Page<User> = await gateway.query<Page<User>>(document, { after })
    for (const { node } of users.edges) yield node
    if (!users.pageInfo.hasNextPage) return
    after = users.pageInfo.endCursor
  }
}

/** One user, or everybody. */
export async function readUsers<User>(
  gateway: GatewayClient,
  fields: string,
  user: string | undefined,
): Promise<User[]> {
  if (user === undefined) return Array.fromAsync(eachUser<User>(gateway, fields))
  const id = await findUserId(gateway, user)
  const document = `query User($id: ID!) { node(id: $id) { ... on User { ${fields} } } }`
  const { node } = await gateway.query<{ node: User | null }>(document, { id })
  if (!node) throw new AdminError(`There is no user ${user}.`, exitCodes.refused, { code: 'NOT_FOUND' })
  return [node]
}

/** People know users by name, scripts by id. */
export async function findUserId(gateway: GatewayClient, user: string): Promise<string> {
  if (Buffer.from(user, 'base64url').toString().startsWith('User:')) return user
  const found: string[] = []
  for await (const { id, name } of eachUser<{ id: string; name: string }>(gateway, 'id name')) {
    if (name === user) found.push(id)
  }
  const [id, ...others] = found
  if (id === undefined) {
    throw new AdminError(`There is no user named ${user}.`, exitCodes.refused, { code: 'NOT_FOUND' })
  }
  if (others.length === 0) return id
  throw new AdminError(
    `Several users are named ${user}: say which by id, ${found.join(' or ')}.`,
    exitCodes.refused,
  )
}
