import { useState } from 'react'
import { useMutation } from 'urql'
import { Button } from '../controls/button.tsx'
import { formatCount, formatMoment } from '../controls/format.ts'
import { Notice } from '../controls/notice.tsx'
import { SureButton } from '../controls/sure-button.tsx'
import { type KeyRowFragment, RevokeApiKeyDocument, type UserCardFragment } from '../generated/graphql.ts'
import { failureOf } from '../graphql/failure.ts'
import { rateLabels, rateNames } from '../usage/rate-labels.ts'
import { NewKeyDialog } from './new-key-dialog.tsx'
import { RateDialog } from './rate-dialog.tsx'

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
      {!user.disabledAt && (
        <Button icon="plus" onPress={() => setCreating(true)}>
          New key
        </Button>
      )}
      <NewKeyDialog user={user} isOpen={isCreating} onClose={() => setCreating(false)} onCreated={onChange} />
    </section>
  )
}

function KeyRow({ apiKey, onChange }: { apiKey: KeyRowFragment; onChange(): void }) {
  const [{ fetching, error }, revoke] = useMutation(RevokeApiKeyDocument)
  const [isSetting, setSetting] = useState(false)
  const { id, name, prefix, revokedAt } = apiKey
  const press = async () => {
    const result = await revoke({ id })
    if (!result.error) onChange()
  }
  return (
    <li data-revoked={revokedAt !== null}>
      <span>
        {name} <code>{prefix}…</code>
      </span>
      <span className="muted small">{describe(apiKey)}</span>
      {!revokedAt && (
        <div className="key-actions">
          <Button variant="quiet" aria-label={`Rates of ${name}`} onPress={() => setSetting(true)}>
            Rates
          </Button>
          <SureButton label="Revoke" isPending={fetching} onPress={press} />
        </div>
      )}
      {error && <Notice tone="error" title={failureOf(error).message} />}
      <RateDialog
        title={`Rates of the key ${name}`}
        owner={{ apiKeyId: id }}
        rates={apiKey.rateLimits}
        emptyText="They hold beside those of the user. Empty: as much as the user may."
        isOpen={isSetting}
        onClose={() => setSetting(false)}
        onChange={onChange}
      />
    </li>
  )
}

function describe(apiKey: KeyRowFragment): string {
  const { createdAt, lastUsedAt, revokedAt, expiresAt, models, alsoRevoked } = apiKey
  if (revokedAt) {
    const also = alsoRevoked > 0 ? `, with ${alsoRevoked} that it made` : ''
    return `Revoked ${formatMoment(revokedAt)}${also}`
  }
  const use = lastUsedAt
    ? `Last used ${formatMoment(lastUsedAt)}`
    : `Made ${formatMoment(createdAt)}, never used`
  const expiry =
    expiresAt && `${new Date(expiresAt) <= new Date() ? 'Expired' : 'Expires'} ${formatMoment(expiresAt)}`
  const named = models && `Only ${models.join(', ')}`
  return [use, expiry, named, ...ratesOf(apiKey)].filter(Boolean).join(' · ')
}

/** `Images a minute: 2`. */
function ratesOf({ rateLimits }: KeyRowFragment): string[] {
  return rateNames.flatMap((name) => {
    const limit = rateLimits[name]
    return limit === null ? [] : `${rateLabels[name]}: ${formatCount(limit)}`
  })
}
