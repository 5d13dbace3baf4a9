import { type TypedDocumentNode, useMutation } from 'urql'
import { Button } from '../controls/button.tsx'
import { Notice } from '../controls/notice.tsx'
import { SureButton } from '../controls/sure-button.tsx'
import {
  DeleteUserDocument,
  DisableUserDocument,
  EnableUserDocument,
  RevokeAllKeysDocument,
  SetUserRoleDocument,
  type UserCardFragment,
} from '../generated/graphql.ts'
import { failureOf } from '../graphql/failure.ts'

interface UserLifeProps {
  user: UserCardFragment
  onChange(): void
}

/** Locks a user out, lets it in again, changes its role, or forgets it. */
export function UserLife({ user, onChange }: UserLifeProps) {
  const { id, role, disabledAt, deletedAt, apiKeys } = user
  const [changing, setRole] = useAct(SetUserRoleDocument, onChange)
  const [disabling, disable] = useAct(DisableUserDocument, onChange)
  const [enabling, enable] = useAct(EnableUserDocument, onChange)
  const [deleting, remove] = useAct(DeleteUserDocument, onChange)
  const [revoking, revokeAll] = useAct(RevokeAllKeysDocument, onChange)
  if (deletedAt) return null
  const error = [changing, disabling, enabling, deleting, revoking].find((act) => act.error)?.error
  const other = role === 'ADMIN' ? 'MEMBER' : 'ADMIN'
  return (
    <footer className="stack">
      <div className="head-actions">
        {disabledAt ? (
          <Button isPending={enabling.fetching} onPress={() => enable({ id })}>
            Enable
          </Button>
        ) : (
          <SureButton label="Disable" isPending={disabling.fetching} onPress={() => disable({ id })} />
        )}
        <SureButton
          label={other === 'ADMIN' ? 'Make an admin' : 'Make a member'}
          isPending={changing.fetching}
          onPress={() => setRole({ id, role: other })}
        />
        {apiKeys.some(({ revokedAt }) => !revokedAt) && (
          <SureButton
            label="Revoke all keys"
            isPending={revoking.fetching}
            onPress={() => revokeAll({ userId: id })}
          />
        )}
        <SureButton label="Delete" isPending={deleting.fetching} onPress={() => remove({ id })} />
      </div>
      {error && <Notice tone="error" title={failureOf(error).message} />}
    </footer>
  )
}

function useAct<Data, Variables extends object>(
  document: TypedDocumentNode<Data, Variables>,
  onChange: () => void,
) {
  const [state, send] = useMutation(document)
  const act = async (variables: Variables) => {
    const { error } = await send(variables)
    if (!error) onChange()
  }
  return [state, act] as const
}
