import { type SubmitEvent, useState } from 'react'
import { useMutation } from 'urql'
import { Button } from '../controls/button.tsx'
import { Dialog } from '../controls/dialog.tsx'
import { SelectField } from '../controls/select-field.tsx'
import { TextField } from '../controls/text-field.tsx'
import { CreateUserDocument, type Role } from '../generated/graphql.ts'
import { failureOf } from '../graphql/failure.ts'

interface NewUserDialogProps {
  isOpen: boolean
  onClose(): void
  onCreated(): void
}

const roles: { id: Role; label: string; description: string }[] = [
  { id: 'MEMBER', label: 'Member', description: 'Uses the models, sees only its own' },
  { id: 'ADMIN', label: 'Admin', description: 'Sees and manages everybody' },
]

export function NewUserDialog({ isOpen, onClose, onCreated }: NewUserDialogProps) {
  const [{ error, fetching }, create] = useMutation(CreateUserDocument)
  const [name, setName] = useState('')
  const [role, setRole] = useState<Role>('MEMBER')
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    const result = await create({ input: { name, role } })
    if (result.error) return
    setName('')
    onCreated()
    onClose()
  }
  return (
    <Dialog title="New user" isOpen={isOpen} onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <TextField
          label="Name"
          value={name}
          onChange={setName}
          error={error ? failureOf(error).message : null}
          isRequired
          autoFocus
        />
        <SelectField label="Role" choices={roles} value={role} onChange={setRole} />
        <Button variant="primary" type="submit" isPending={fetching}>
          Create
        </Button>
      </form>
    </Dialog>
  )
}
