import { type SubmitEvent, useState } from 'react'
import { useMutation } from 'urql'
import { Button } from '../controls/button.tsx'
import { CopyButton } from '../controls/copy-button.tsx'
import { Dialog } from '../controls/dialog.tsx'
import { SelectField } from '../controls/select-field.tsx'
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

type Life = 'day' | 'month' | 'year' | 'none'

const lives: { id: Life; label: string }[] = [
  { id: 'day', label: 'In a day' },
  { id: 'month', label: 'In 30 days' },
  { id: 'year', label: 'In a year' },
  { id: 'none', label: 'Never' },
]

const daysOf = { day: 1, month: 30, year: 365, none: null }

function expiryOf(life: Life): string | null {
  const days = daysOf[life]
  return days === null ? null : new Date(Date.now() + days * 86_400_000).toISOString()
}

function KeyForm({ userId, onCreated }: { userId: string; onCreated(secret: string): void }) {
  const [{ error, fetching }, create] = useMutation(CreateApiKeyDocument)
  const [name, setName] = useState('')
  const [life, setLife] = useState<Life>('none')
  const [models, setModels] = useState('')
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    const named = models.split(',').flatMap((model) => model.trim() || [])
    const limits = { expiresAt: expiryOf(life), models: named.length > 0 ? named : null }
    const { data } = await create({ input: { userId, name, ...limits } })
    if (data) onCreated(data.createApiKey.secret)
  }
  const failure = error ? failureOf(error) : null
  const isOfModels = failure?.field?.startsWith('input.models') ?? false
  return (
    <form className="stack" onSubmit={submit}>
      <TextField
        label="What is it for?"
        value={name}
        onChange={setName}
        error={isOfModels ? null : (failure?.message ?? null)}
        isRequired
        autoFocus
      />
      <SelectField label="Expires" choices={lives} value={life} onChange={setLife} />
      <TextField
        label="Only these models"
        description="With commas between. Empty: all."
        value={models}
        onChange={setModels}
        error={isOfModels ? (failure?.message ?? null) : null}
      />
      <Button variant="primary" type="submit" isPending={fetching}>
        Make the key
      </Button>
    </form>
  )
}
