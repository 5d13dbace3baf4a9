import type { ReactNode } from 'react'
import { useQuery } from 'urql'
import { Button } from '../controls/button.tsx'
import { adviceOnRate } from '../controls/rate-advice.ts'
import { ViewerDocument } from '../generated/graphql.ts'
import { failureOf } from '../graphql/failure.ts'
import { SignInPage } from './sign-in-page.tsx'
import { ViewerContext } from './viewer-context.ts'

/** Shows the console to a signed-in user, and otherwise the sign-in page. */
export function ViewerGate({ children }: { children: ReactNode }) {
  const [{ data, error }, retry] = useQuery({ query: ViewerDocument })
  if (data) return <ViewerContext value={data.viewer}>{children}</ViewerContext>
  if (!error) return <div className="splash" role="status" aria-label="Loading" />
  const failure = failureOf(error)
  if (failure.code === 'UNAUTHENTICATED') return <SignInPage />
  return (
    <main className="splash">
      <h1>Easel is not answering</h1>
      <p>{adviceOnRate(failure) ?? failure.message}</p>
      <Button variant="primary" onPress={() => retry({ requestPolicy: 'network-only' })}>
        Try again
      </Button>
    </main>
  )
}
