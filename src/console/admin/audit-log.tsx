import { useState } from 'react'
import { useQuery } from 'urql'
import { Button } from '../controls/button.tsx'
import { formatMoment } from '../controls/format.ts'
import { FailureNotice } from '../controls/notice.tsx'
import { AuditLogDocument, type AuditRowFragment } from '../generated/graphql.ts'
import { failureOf } from '../graphql/failure.ts'

/** Who did what to users, keys and budgets, a page at a time, newest first. */
export function AuditLog() {
  const [after, setAfter] = useState<string | null>(null)
  const [{ data, error, fetching }] = useQuery({
    query: AuditLogDocument,
    variables: { after },
    requestPolicy: 'cache-and-network',
  })
  const { edges = [], pageInfo } = data?.auditLog ?? {}
  return (
    <div className="stack">
      {error && <FailureNotice failure={failureOf(error)} />}
      <ul className="audit-list" aria-label="Audit log">
        {edges.map(({ node }) => (
          <AuditRow key={node.id} entry={node} />
        ))}
      </ul>
      <div className="head-actions">
        {after !== null && <Button onPress={() => setAfter(null)}>Newest</Button>}
        {pageInfo?.hasNextPage && (
          <Button isPending={fetching} onPress={() => setAfter(pageInfo.endCursor ?? null)}>
            Older
          </Button>
        )}
      </div>
    </div>
  )
}

function AuditRow({ entry }: { entry: AuditRowFragment }) {
  const { at, action, actor, actorKey, user, key, details } = entry
  return (
    <li>
      <span>
        {sentences[action]} {user && <strong>{user.name}</strong>} {key && <code>{key.prefix}…</code>}
      </span>
      <span className="muted small">
        {formatMoment(at)} by {actor.name} {actorKey && <code>{actorKey.prefix}…</code>} {print(details)}
      </span>
    </li>
  )
}

const sentences: Record<AuditRowFragment['action'], string> = {
  CREATE_USER: 'Made the user',
  SET_USER_ROLE: 'Changed the role of',
  DISABLE_USER: 'Disabled',
  ENABLE_USER: 'Enabled',
  DELETE_USER: 'Deleted',
  CREATE_API_KEY: 'Made a key for',
  REVOKE_API_KEY: 'Revoked a key of',
  REVOKE_ALL_KEYS: 'Revoked all keys of',
  DELETE_OPERATION: 'Deleted an operation of',
  SET_BUDGET: 'Set a limit for',
  SET_RATE_LIMITS: 'Set the rates of',
}

/** `from MEMBER, to ADMIN`. The prefix of a key is shown beside it. */
function print(details: unknown): string {
  return Object.entries(details ?? {})
    .filter(([name]) => name !== 'prefix')
    .filter(([, value]) => value !== null && value !== false && !(Array.isArray(value) && value.length === 0))
    .map(([name, value]) => `${name} ${value}`)
    .join(', ')
}
