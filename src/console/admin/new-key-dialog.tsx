import { type SubmitEvent, useState } from 'react'
import { useMutation } from 'urql'
import { Button } from '../controls/button.tsx'
import { CopyButton } from '../controls/copy-button.tsx'
import { Dialog } from '../controls/dialog.tsx'
import { TextField } from '../controls/text-field.tsx'
import { CreateApiKeyDocument } from '../generated/graphql.ts'
import { failureOf } from '../graphql/failure.ts'

interface NewKeyDialogProps {
  user: { id: string; name: string }
  isOpen: boolean
  onClose(): void
  onCreated(): void
}

/** The secret lives in this dialog alone and is gone when it closes. */
export function NewKeyDialog({ user, isOpen, onClose, onCreated }: NewKeyDialogProps) {
  const [secret, setSecret] = useState<string | null>(null)
  const close = () => {
    setSecret(null)
    onClose()
  }
  const created = (made: string) => {
    setSecret(made)
    onCreated()
  }
  return (
    <Dialog title={secret ? 'Copy the key now' : `New key for ${user.name}`} isOpen={isOpen} onClose={close}>
      {secret ? (
        <SecretOnce secret={secret} onClose={close} />
      ) : (
        <KeyForm userId={user.id} onCreated={created} />
      )}
    </Dialog>
  )
}

function SecretOnce({ secret, onClose }: { secret: string; onClose(): void }) {
  return (
    <div className="stack">
      <p>It is shown this once. Easel keeps no copy that could be read.</p>
      <code className="secret">{secret}</code>
      <div className="head-actions">
        <CopyButton label="Copy the key" text={secret} />
        <Button variant="primary" onPress={onClose}>
          I have it
        </Button>
      </div>
    </div>
  )
}

function KeyForm({ userId, onCreated }: { userId: string; onCreated(secret: string): void }) {
  const [{ error, fetching }, create] = useMutation(CreateApiKeyDocument)
  const [name, setName] = useState('')
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    const { data } = await create({ input: { userId, name } })
    if (data) onCreated(data.createApiKey.secret)
  }
  return (
    <form className="stack" onSubmit={submit}>
      <TextField
        label="What is it for?"
        value={name}
        onChange={setName}
        error={error ? failureOf(error).message : null}
        isRequired
        autoFocus
      />
      <Button variant="primary" type="submit" isPending={fetching}>
        Make the key
      </Button>
    </form>
  )
}
