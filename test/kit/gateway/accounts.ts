import { photoFile } from '../photo.ts'
import { startTestGateway, type TestGateway, type TestGatewayOptions } from './test-gateway.ts'

export const adminKey = 'the-key-of-the-first-admin'

export interface Person {
  id: string
  name: string
  key: string
  keyId: string
}

export interface GuardedGateway extends TestGateway {
  /** Makes a user and a key of its own. */
  invite(name: string): Promise<Person>
}

export const bearer = (key: string) => ({ authorization: `Bearer ${key}` })
export const admin = bearer(adminKey)

/** The whole gateway with authentication on. */
export async function startGuardedGateway(options: TestGatewayOptions = {}): Promise<GuardedGateway> {
  const env = { EASEL_AUTH: 'on', EASEL_ADMIN_KEY: adminKey, ...options.env }
  const gateway = await startTestGateway({ ...options, env })
  return { ...gateway, invite: (name) => invite(gateway, name) }
}

async function invite(gateway: TestGateway, name: string): Promise<Person> {
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

export interface Edited {
  id: string
  status: string
  createdBy: { id: string; name: string }
  input: { images: { id: string }[] }
  response: { data: { id: string; url: string }[]; usage: { totalTokens: number } }
}

export const editDocument = `mutation ($input: EditImageInput!) { editImage(input: $input) {
  id status createdBy { id name } input { images { id } }
  response { data { id url } usage { totalTokens estimated cost { amountMicros } } } } }`

export async function editAs(gateway: TestGateway, { key }: { key: string }, input: object = {}) {
  return gateway.upload<{ editImage: Edited }>(
    editDocument,
    { input: { prompt: 'x', image: [{ upload: null }], quality: 'LOW', ...input } },
    { 'input.image.0.upload': await photoFile() },
    bearer(key),
  )
}
