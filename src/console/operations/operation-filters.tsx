import { useQuery } from 'urql'
import { SelectField } from '../controls/select-field.tsx'
import { FilterChoicesDocument, FilterUsersDocument } from '../generated/graphql.ts'
import { useViewer } from '../session/viewer-context.ts'
import type { FilterName, FilterValues } from './filter-values.ts'

interface OperationFiltersProps {
  values: FilterValues
  onChange(name: FilterName, value: string): void
}

const all = { id: '', label: 'All' }

const kinds = [
  all,
  { id: 'GENERATE', label: 'Generate' },
  { id: 'EDIT', label: 'Edit' },
  { id: 'VARIATION', label: 'Variation' },
]

const statuses = [
  all,
  { id: 'QUEUED', label: 'Queued' },
  { id: 'RUNNING', label: 'Running' },
  { id: 'SUCCEEDED', label: 'Succeeded' },
  { id: 'FAILED', label: 'Failed' },
  { id: 'CANCELLED', label: 'Cancelled' },
]

export function OperationFilters({ values, onChange }: OperationFiltersProps) {
  const isAdmin = useViewer().role === 'ADMIN'
  const [{ data }] = useQuery({ query: FilterChoicesDocument })
  const names = [...new Set(data?.models.map(({ name }) => name))]
  const models = [all, ...names.map((name) => ({ id: name, label: name }))]
  return (
    <div className="filters">
      <SelectField
        label="Kind"
        choices={kinds}
        value={values.kind}
        onChange={(value) => onChange('kind', value)}
      />
      <SelectField
        label="Status"
        choices={statuses}
        value={values.status}
        onChange={(value) => onChange('status', value)}
      />
      <SelectField
        label="Model"
        choices={models}
        value={values.model}
        onChange={(value) => onChange('model', value)}
      />
      {isAdmin && <UserFilter value={values.user} onChange={(value) => onChange('user', value)} />}
    </div>
  )
}

function UserFilter({ value, onChange }: { value: string; onChange(value: string): void }) {
  const [{ data }] = useQuery({ query: FilterUsersDocument })
  const users = data?.users.edges.map(({ node: { id, name } }) => ({ id, label: name })) ?? []
  return <SelectField label="User" choices={[all, ...users]} value={value} onChange={onChange} />
}
