import { useState } from 'react'
import { useQuery } from 'urql'
import { Button } from '../controls/button.tsx'
import { FailureNotice } from '../controls/notice.tsx'
import { UserListDocument } from '../generated/graphql.ts'
import { failureOf } from '../graphql/failure.ts'
import { NewUserDialog } from './new-user-dialog.tsx'
import { UserCard } from './user-card.tsx'

export function UserList() {
  const [{ data, error }, ask] = useQuery({ query: UserListDocument, requestPolicy: 'cache-and-network' })
  const [isCreating, setCreating] = useState(false)
  const refresh = () => ask({ requestPolicy: 'network-only' })
  return (
    <div className="stack">
      <div className="head-actions">
        <Button variant="primary" icon="plus" onPress={() => setCreating(true)}>
          New user
        </Button>
      </div>
      {error && <FailureNotice failure={failureOf(error)} />}
      {data?.users.edges.map(({ node }) => (
        <UserCard key={node.id} user={node} onChange={refresh} />
      ))}
      {data?.users.pageInfo.hasNextPage && <p className="muted">The first 100 users are shown.</p>}
      <NewUserDialog isOpen={isCreating} onClose={() => setCreating(false)} onCreated={refresh} />
    </div>
  )
}
