import { useState } from 'react'
import { useMutation } from 'urql'
import { Button, IconButton } from '../controls/button.tsx'
import { SetBudgetDocument, type UserCardFragment } from '../generated/graphql.ts'
import { BudgetMeter } from '../usage/budget-meter.tsx'
import { BudgetDialog } from './budget-dialog.tsx'

export function UserBudgets({ user, onChange }: { user: UserCardFragment; onChange(): void }) {
  const [isSetting, setSetting] = useState(false)
  const [, setBudget] = useMutation(SetBudgetDocument)
  return (
    <section aria-label={`Budgets of ${user.name}`}>
      <h3>Budgets</h3>
      {user.budgets.length === 0 && <p className="muted small">No limit is set.</p>}
      {user.budgets.map((budget) => (
        <div className="budget-row" key={`${budget.period} ${budget.unit}`}>
          <BudgetMeter budget={budget} />
          <IconButton
            label={`Take the limit away: ${budget.period.toLowerCase()}, ${budget.unit.toLowerCase()}`}
            icon="trash"
            onPress={async () => {
              const { period, unit } = budget
              await setBudget({ input: { userId: user.id, period, unit, limit: null } })
              onChange()
            }}
          />
        </div>
      ))}
      <Button icon="plus" onPress={() => setSetting(true)}>
        Set a limit
      </Button>
      <BudgetDialog user={user} isOpen={isSetting} onClose={() => setSetting(false)} onChange={onChange} />
    </section>
  )
}
