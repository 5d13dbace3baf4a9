import type { GraphqlClient } from '../client/graphql-client.ts'
import { startTestGateway, type TestGateway, type TestGatewayOptions } from './test-gateway.ts'

export const adminKey = 'the-key-of-the-first-admin'

/** The environment of a gateway that asks who is there. */
export const guarded = { EASEL_AUTH: 'on', EASEL_ADMIN_KEY: adminKey }

export const bearer = (key: string) => ({ authorization: `Bearer ${key}` })
export const admin = bearer(adminKey)

export interface Person {
  id: string
  name: string
  key: string
  keyId: string
}

/** Makes a user and a key of its own. */
export async function invite(gateway: Pick<GraphqlClient, 'graphql'>, name: string): Promise<Person> {
  const { data } = await gateway.graphql<{ createUser: { id: string } }>(
    'mutation ($name: String!) { createUser(input: { name: $name }) { id } }',
    { name },
    admin,
  )
  const { id } = data.createUser
  const made = await gateway.graphql<{ createApiKey: { secret: string; apiKey: { id: string } } }>(
    'mutation ($id: ID!) { createApiKey(input: { userId: $id, name: "laptop" }) { secret apiKey { id } } }',
    { id },
    admin,
  )
  const { secret, apiKey } = made.data.createApiKey
  return { id, name, key: secret, keyId: apiKey.id }
}

export interface GuardedGateway extends TestGateway {
  invite(name: string): Promise<Person>
}

/** A gateway in the process of its test that asks who is there. */
export async function startGuardedGateway(options: TestGatewayOptions = {}): Promise<GuardedGateway> {
  const gateway = await startTestGateway({ ...options, env: { ...guarded, ...options.env } })
  return { ...gateway, invite: (name) => invite(gateway, name) }
}
