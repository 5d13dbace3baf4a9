import { formatMoment } from '../controls/format.ts'
import type { UserCardFragment } from '../generated/graphql.ts'
import { hrefOf } from '../routing/location.ts'
import { UserBudgets } from './user-budgets.tsx'
import { UserKeys } from './user-keys.tsx'
import { UserLife } from './user-life.tsx'
import { UserRates } from './user-rates.tsx'

export function UserCard({ user, onChange }: { user: UserCardFragment; onChange(): void }) {
  const { id, name, role, createdAt, disabledAt, deletedAt } = user
  return (
    <article className="card" aria-labelledby={`user-${id}`}>
      <header className="card-head">
        <h2 id={`user-${id}`}>{name}</h2>
        <p className="facts muted small">
          <span>{role === 'ADMIN' ? 'Admin' : 'Member'}</span>
          <span>Since {formatMoment(createdAt)}</span>
          {deletedAt && <span>Deleted {formatMoment(deletedAt)}</span>}
          {disabledAt && !deletedAt && <span>Disabled {formatMoment(disabledAt)}</span>}
          <a href={hrefOf(['operations'], { user: id })}>Operations</a>
        </p>
      </header>
      <div className="columns">
        <UserKeys user={user} onChange={onChange} />
        <UserBudgets user={user} onChange={onChange} />
        {!deletedAt && <UserRates user={user} onChange={onChange} />}
      </div>
      <UserLife user={user} onChange={onChange} />
    </article>
  )
}
