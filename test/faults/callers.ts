import type { GatewayProcess } from '../kit/gateway/gateway-process.ts'

const adminKey = 'admin-key-of-the-fault-tests'

/** The environment of a gateway that asks who is there. */
export const authOn = { EASEL_AUTH: 'on', EASEL_ADMIN_KEY: adminKey }
const admin = { authorization: `Bearer ${adminKey}` }

/** A user with a key of its own, as `generate` and its kin take it. */
export interface Caller extends Pick<GatewayProcess, 'url' | 'graphql'> {
  userId: string
  headers: { authorization: string }
}

export async function createCaller(gateway: GatewayProcess, name: string): Promise<Caller> {
  const user = await gateway.graphql<{ createUser: { id: string } }>(
    'mutation ($input: CreateUserInput!) { createUser(input: $input) { id } }',
    { input: { name } },
    admin,
  )
  const userId = user.data.createUser.id
  const key = await gateway.graphql<{ createApiKey: { secret: string } }>(
    'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret } }',
    { input: { userId, name } },
    admin,
  )
  const headers = { authorization: `Bearer ${key.data.createApiKey.secret}` }
  return {
    url: gateway.url,
    userId,
    headers,
    graphql: (query, variables) => gateway.graphql(query, variables, headers),
  }
}

export const cancel = ({ graphql }: Pick<Caller, 'graphql'>, id: string) =>
  graphql<{ cancelOperation: { id: string; status: string } }>(
    'mutation ($id: ID!) { cancelOperation(id: $id) { id status } }',
    { id },
  )

export async function setBudget(
  gateway: Pick<GatewayProcess, 'graphql'>,
  { userId }: Caller,
  limit: number | null,
): Promise<void> {
  const { errors } = await gateway.graphql(
    'mutation ($input: SetBudgetInput!) { setBudget(input: $input) { id } }',
    { input: { userId, period: 'TOTAL', unit: 'TOKENS', limit: limit === null ? null : String(limit) } },
    admin,
  )
  if (errors) throw new Error(JSON.stringify(errors))
}
