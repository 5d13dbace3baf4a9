import { GraphQLClient } from 'graphql-request'

/** For everything but files, which graphql-request does not send, and subscriptions. */
export function createRequestClient(easel: string, headers: Record<string, string>): GraphQLClient {
  return new GraphQLClient(`${easel}/graphql`, { headers })
}
