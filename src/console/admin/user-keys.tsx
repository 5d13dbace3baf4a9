import { useState } from 'react'
import { useMutation } from 'urql'
import { Button } from '../controls/button.tsx'
import { formatMoment } from '../controls/format.ts'
import { Notice } from '../controls/notice.tsx'
import { type KeyRowFragment, RevokeApiKeyDocument, type UserCardFragment } from '../generated/graphql.ts'
import { failureOf } from '../graphql/failure.ts'
import { NewKeyDialog } from './new-key-dialog.tsx'

export function UserKeys({ user, onChange }: { user: UserCardFragment; onChange(): void }) {
  const [isCreating, setCreating] = useState(false)
  return (
    <section aria-label={`Keys of ${user.name}`}>
      <h3>Keys</h3>
      {user.apiKeys.length === 0 && <p className="muted small">None yet.</p>}
      <ul className="key-list">
        {user.apiKeys.map((key) => (
          <KeyRow key={key.id} apiKey={key} onChange={onChange} />
        ))}
      </ul>
      <Button icon="plus" onPress={() => setCreating(true)}>
        New key
      </Button>
      <NewKeyDialog user={user} isOpen={isCreating} onClose={() => setCreating(false)} onCreated={onChange} />
    </section>
  )
}

function KeyRow({ apiKey, onChange }: { apiKey: KeyRowFragment; onChange(): void }) {
  const [{ fetching, error }, revoke] = useMutation(RevokeApiKeyDocument)
  const [isSure, setSure] = useState(false)
  const { id, name, prefix, createdAt, lastUsedAt, revokedAt } = apiKey
  const press = async () => {
    if (!isSure) return setSure(true)
    const result = await revoke({ id })
    if (!result.error) onChange()
  }
  return (
    <li data-revoked={revokedAt !== null}>
      <span>
        {name} <code>{prefix}…</code>
      </span>
      <span className="muted small">
        {revokedAt ? `Revoked ${formatMoment(revokedAt)}` : describeUse(createdAt, lastUsedAt)}
      </span>
      {!revokedAt && (
        <Button
          variant={isSure ? 'danger' : 'quiet'}
          isPending={fetching}
          onPress={press}
          onBlur={() => setSure(false)}
        >
          {isSure ? 'Yes, revoke' : 'Revoke'}
        </Button>
      )}
      {error && <Notice tone="error" title={failureOf(error).message} />}
    </li>
  )
}

function describeUse(createdAt: string, lastUsedAt: string | null): string {
  return lastUsedAt ? `Last used ${formatMoment(lastUsedAt)}` : `Made ${formatMoment(createdAt)}, never used`
}
