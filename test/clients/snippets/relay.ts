import { createClient } from 'graphql-sse'
import { Network, Observable } from 'relay-runtime'
import { multipart } from './fetch.ts'
import { follow } from './graphql-sse.ts'

export function createRelayNetwork(easel: string, headers: Record<string, string>) {
  const events = createClient({ url: `${easel}/graphql/stream`, headers: () => ({ ...headers }) })
  return Network.create(
    async ({ text }, variables, _cacheConfig, uploadables) => {
      const body = multipart(text ?? '', variables, uploadables ?? {})
      const response = await fetch(`${easel}/graphql`, { method: 'POST', headers, body })
      return response.json()
    },
    ({ text }, variables) =>
      Observable.create((sink) => follow(events, { query: text ?? '', variables }, sink)),
  )
}
