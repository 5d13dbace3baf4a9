import { hangMs } from '../limits.ts'
import type { GraphqlClient } from './graphql-client.ts'

export const generateDocument = `mutation ($input: GenerateImageInput!) {
  generateImage(input: $input) { id status done } }`

export interface OperationAnswer {
  id: string
  status: string
  done: boolean
  error: { reason: string; retryAfterMs: number | null } | null
  metadata: { stage: string; attempts: number }
  response: { data: { id: string; width: number }[]; usage: { totalTokens: number } } | null
}

/** Asks for the cheapest image. */
export function generate(
  gateway: Pick<GraphqlClient, 'graphql'>,
  input: { prompt: string } & Record<string, unknown>,
) {
  return gateway.graphql<{ generateImage: { id: string; status: string; done: boolean } }>(generateDocument, {
    input: { model: 'paid/gpt-image-2', size: '1024x1024', quality: 'LOW', ...input },
  })
}

export async function accepted(
  gateway: Pick<GraphqlClient, 'graphql'>,
  input: { prompt: string } & Record<string, unknown>,
): Promise<string> {
  const { data, errors } = await generate(gateway, input)
  if (errors) throw new Error(JSON.stringify(errors))
  return data.generateImage.id
}

const operationDocument = `query ($id: ID!) { operation(id: $id) { id status done
  metadata { stage attempts } error { reason retryAfterMs }
  response { data { id width } usage { totalTokens } } } }`

export async function readOperation(
  gateway: Pick<GraphqlClient, 'graphql'>,
  id: string,
): Promise<OperationAnswer> {
  const { data } = await gateway.graphql<{ operation: OperationAnswer }>(operationDocument, { id })
  return data.operation
}

/** Follows the operation to its end over an event stream, then reads it. */
export async function ended(
  gateway: Pick<GraphqlClient, 'graphql'> & { url: string; headers?: Record<string, string> },
  id: string,
): Promise<OperationAnswer> {
  for (let tries = 0; tries < 3; tries++) {
    const response = await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...gateway.headers },
      body: JSON.stringify({
        query: 'subscription ($id: ID!) { operationStatus(operationId: $id) { sequence status } }',
        variables: { id },
      }),
      signal: AbortSignal.timeout(hangMs),
    })
    await response.text()
    const operation = await readOperation(gateway, id)
    if (operation.done) return operation
  }
  throw new Error('The events ended before the operation did')
}
