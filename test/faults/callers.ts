import { admin, bearer, invite } from '../kit/gateway/accounts.ts'
import type { GatewayProcess } from '../kit/gateway/gateway-process.ts'

/** A user with a key of its own, as `generate` and its kin take it. */
export interface Caller extends Pick<GatewayProcess, 'url' | 'graphql'> {
  userId: string
  headers: { authorization: string }
}

export async function createCaller(gateway: GatewayProcess, name: string): Promise<Caller> {
  const { id, key } = await invite(gateway, name)
  const headers = bearer(key)
  return {
    url: gateway.url,
    userId: id,
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
