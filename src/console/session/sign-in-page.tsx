import { type SubmitEvent, useState } from 'react'
import { Button } from '../controls/button.tsx'
import { TextField } from '../controls/text-field.tsx'
import { ViewerDocument } from '../generated/graphql.ts'
import { failureOf } from '../graphql/failure.ts'
import { createGateway } from '../graphql/gateway.ts'
import { useConnection } from '../graphql/gateway-context.ts'
import { Wordmark } from '../shell/wordmark.tsx'
import { createSession } from './session.ts'

export function SignInPage() {
  const { session } = useConnection()
  const [key, setKey] = useState('')
  const [problem, setProblem] = useState<string | null>(null)
  const [checking, setChecking] = useState(false)

  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    setChecking(true)
    const found = await checkKey(key.trim())
    setChecking(false)
    if (found) setProblem(found)
    else session.signIn(key.trim())
  }

  return (
    <main className="sign-in">
      <Wordmark />
      <h1>Sign in</h1>
      <p className="muted">
        With an API key of this gateway. It is kept in this tab only, until you close it.
      </p>
      <form onSubmit={submit}>
        <TextField
          label="API key"
          type="password"
          value={key}
          onChange={setKey}
          error={problem}
          autoComplete="off"
          isRequired
          autoFocus
        />
        <Button variant="primary" type="submit" isPending={checking}>
          Sign in
        </Button>
      </form>
    </main>
  )
}

/** Tests the key before it is kept. Returns what is wrong with it; null if it works. */
async function checkKey(key: string): Promise<string | null> {
  if (!/^[\x21-\x7e]+$/.test(key)) return 'A key has no spaces and no letters beyond ASCII.'
  const trial = createSession(createMemoryStorage())
  trial.signIn(key)
  const gateway = createGateway(trial)
  try {
    const { error } = await gateway.client.query(ViewerDocument, {}, { requestPolicy: 'network-only' })
    if (!error) return null
    const failure = failureOf(error)
    return failure.code === 'UNAUTHENTICATED'
      ? 'This key opens nothing. It may have been revoked.'
      : failure.message
  } finally {
    gateway.close()
  }
}

function createMemoryStorage(): Storage {
  const items = new Map<string, string>()
  return {
    get length() {
      return items.size
    },
    key: (index) => [...items.keys()][index] ?? null,
    getItem: (name) => items.get(name) ?? null,
    setItem: (name, value) => void items.set(name, value),
    removeItem: (name) => void items.delete(name),
    clear: () => items.clear(),
  }
}
