import { type Client, cacheExchange, createClient, fetchExchange, mapExchange } from '@urql/core'
import { createClient as createEventClient, type Client as EventClient } from 'graphql-sse'
import type { Session } from '../session/session.ts'

/** The two ways to the gateway: requests, and events that go on. */
export interface Gateway {
  client: Client
  events: EventClient
  close(): void
}

export function createGateway(session: Session): Gateway {
  const events = createEventClient({
    url: addressOf('graphql/stream'),
    headers: () => session.headers(),
    // Trying again is the followers' business: they know the last event and ask for what came after it.
    retryAttempts: 0,
  })
  const client = createClient({
    url: addressOf('graphql'),
    preferGetMethod: false,
    exchanges: [cacheExchange, signOutExchange(session), fetchExchange],
    fetchOptions: () => ({ headers: session.headers() }),
  })
  return { client, events, close: () => events.dispose() }
}

export function addressOf(path: string): string {
  return new URL(path, document.baseURI).href
}

/** A key that stopped working sends back to the sign-in page, wherever it shows first. */
function signOutExchange(session: Session) {
  return mapExchange({
    onError: ({ graphQLErrors, response }) => {
      const refused = graphQLErrors.some(({ extensions }) => extensions.code === 'UNAUTHENTICATED')
      if ((refused || (response as Response | undefined)?.status === 401) && session.key()) session.signOut()
    },
  })
}
