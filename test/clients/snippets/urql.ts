import { Client, cacheExchange, fetchExchange, subscriptionExchange } from '@urql/core'
import { createClient } from 'graphql-sse'
import { follow } from './graphql-sse.ts'

export function createUrqlClient(easel: string, headers: Record<string, string>): Client {
  const events = createClient({ url: `${easel}/graphql/stream`, headers: () => ({ ...headers }) })
  const subscriptions = subscriptionExchange({
    forwardSubscription: ({ query = '', variables }) => ({
      subscribe: (sink) => ({ unsubscribe: follow(events, { query, variables }, sink) }),
    }),
  })
  const exchanges = [cacheExchange, fetchExchange, subscriptions]
  return new Client({ url: `${easel}/graphql`, preferGetMethod: false, fetchOptions: { headers }, exchanges })
}
