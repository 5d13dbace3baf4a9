import { useEffect, useMemo, useState, useSyncExternalStore } from 'react'
import { Provider } from 'urql'
import { createGateway, type Gateway } from './graphql/gateway.ts'
import { ConnectionContext } from './graphql/gateway-context.ts'
import { createSession } from './session/session.ts'
import { ViewerGate } from './session/viewer-gate.tsx'
import { AppShell } from './shell/app-shell.tsx'

export function App() {
  const [session] = useState(() => createSession(sessionStorage))
  const key = useSyncExternalStore(session.subscribe, session.key)
  // A new key gets a new client: nothing that the old one was shown stays in a cache.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key is read through the session
  const gateway = useMemo(() => createGateway(session), [session, key])
  useClosing(gateway)
  return (
    <ConnectionContext value={{ gateway, session }}>
      <Provider value={gateway.client}>
        <ViewerGate key={key ?? ''}>
          <AppShell />
        </ViewerGate>
      </Provider>
    </ConnectionContext>
  )
}

function useClosing(gateway: Gateway): void {
  useEffect(() => () => gateway.close(), [gateway])
}
