import { type Client, cacheExchange, createClient, fetchExchange, mapExchange } from '@urql/core'
import { createClient as createEventClient, type Client as EventClient } from 'graphql-sse'
import type { Session } from '../session/session.ts'

/** The two clients of the gateway: one for requests, one for streams of events. */
export interface Gateway {
  client: Client
  events: EventClient
  close(): void
}

export function createGateway(session: Session): Gateway {
  const events = createEventClient({
    url: addressOf('graphql/stream'),
    headers: () => session.headers(),
    // The followers reconnect themselves, since they know the last event and ask for those after it.
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

/** Whichever request first finds that the key no longer works leads to the sign-in page. */
function signOutExchange(session: Session) {
  return mapExchange({
    onError: ({ graphQLErrors, response }) => {
      const refused = graphQLErrors.some(({ extensions }) => extensions.code === 'UNAUTHENTICATED')
      if ((refused || (response as Response | undefined)?.status === 401) && session.key()) session.signOut()
    },
  })
}
