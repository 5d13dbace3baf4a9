import { type SubmitEvent, useState } from 'react'
import { useMutation } from 'urql'
import { Button } from '../controls/button.tsx'
import { Dialog } from '../controls/dialog.tsx'
import { NumberField } from '../controls/number-field.tsx'
import { SelectField } from '../controls/select-field.tsx'
import { TextField } from '../controls/text-field.tsx'
import { type BudgetPeriod, type BudgetUnit, SetBudgetDocument } from '../generated/graphql.ts'
import { failureOf } from '../graphql/failure.ts'

interface BudgetDialogProps {
  user: { id: string; name: string }
  isOpen: boolean
  onClose(): void
  onChange(): void
}

const periods: { id: BudgetPeriod; label: string }[] = [
  { id: 'DAY', label: 'A day' },
  { id: 'MONTH', label: 'A month' },
  { id: 'TOTAL', label: 'In all' },
]

const units: { id: BudgetUnit; label: string }[] = [
  { id: 'MONEY', label: 'Money' },
  { id: 'TOKENS', label: 'Tokens' },
]

export function BudgetDialog({ user, isOpen, onClose, onChange }: BudgetDialogProps) {
  const [{ error, fetching }, setBudget] = useMutation(SetBudgetDocument)
  const [period, setPeriod] = useState<BudgetPeriod>('MONTH')
  const [unit, setUnit] = useState<BudgetUnit>('MONEY')
  const [currency, setCurrency] = useState('')
  const [amount, setAmount] = useState<number | null>(null)
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    if (amount === null) return
    const limit = String(Math.round(unit === 'MONEY' ? amount * 1_000_000 : amount))
    const named = unit === 'MONEY' && currency !== '' ? currency.toUpperCase() : undefined
    const result = await setBudget({ input: { userId: user.id, period, unit, currency: named, limit } })
    if (result.error) return
    onChange()
    onClose()
  }
  return (
    <Dialog title={`A limit for ${user.name}`} isOpen={isOpen} onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <SelectField label="For" choices={periods} value={period} onChange={setPeriod} />
        <SelectField label="Of" choices={units} value={unit} onChange={setUnit} />
        {unit === 'MONEY' && (
          <TextField
            label="Currency"
            description="A code such as USD. Empty: that of the limit so far, or else the gateway’s."
            value={currency}
            onChange={setCurrency}
            maxLength={3}
          />
        )}
        <NumberField
          label={unit === 'MONEY' ? 'Limit in this currency' : 'Limit in tokens'}
          value={amount}
          onChange={setAmount}
          minValue={0}
          error={error ? failureOf(error).message : null}
        />
        <Button variant="primary" type="submit" isPending={fetching}>
          Set it
        </Button>
      </form>
    </Dialog>
  )
}
