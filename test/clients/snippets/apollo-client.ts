import { ApolloClient, ApolloLink, InMemoryCache, Observable } from '@apollo/client'
import UploadHttpLink from 'apollo-upload-client/UploadHttpLink.mjs'
import { print } from 'graphql'
import { createClient } from 'graphql-sse'
import { follow } from './graphql-sse.ts'

export function createApolloClient(easel: string, headers: Record<string, string>): ApolloClient {
  const events = createClient({ url: `${easel}/graphql/stream`, headers: () => ({ ...headers }) })
  const uploads = new UploadHttpLink({ uri: `${easel}/graphql`, headers })
  const subscriptions = new ApolloLink(
    ({ query, variables }) =>
      new Observable((sink) => follow(events, { query: print(query), variables }, sink)),
  )
  const isSubscription = ({ operationType }: ApolloLink.Operation) => operationType === 'subscription'
  const link = ApolloLink.split(isSubscription, subscriptions, uploads)
  return new ApolloClient({ cache: new InMemoryCache(), link })
}
