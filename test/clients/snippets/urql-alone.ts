import { Client, cacheExchange, fetchExchange } from '@urql/core'

/** urql alone: a cut shows as an error of the subscription. Then subscribe again, with the last sequence as `after`. */
export function createPlainUrqlClient(easel: string, headers: Record<string, string>): Client {
  return new Client({
    url: `${easel}/graphql`,
    preferGetMethod: false,
    fetchSubscriptions: true,
    fetchOptions: { headers },
    exchanges: [cacheExchange, fetchExchange],
  })
}
