import { type SubmitEvent, useState } from 'react'
import { useMutation } from 'urql'
import { Button } from '../controls/button.tsx'
import { Dialog } from '../controls/dialog.tsx'
import { Notice } from '../controls/notice.tsx'
import { NumberField } from '../controls/number-field.tsx'
import { type RatePartsFragment, SetRateLimitsDocument } from '../generated/graphql.ts'
import { failureOf } from '../graphql/failure.ts'
import { rateLabels, rateNames } from '../usage/rate-labels.ts'

interface RateFormProps {
  owner: { userId: string } | { apiKeyId: string }
  rates: RatePartsFragment
  /** What holds where a field is empty. */
  emptyText: string
  onClose(): void
  onChange(): void
}

interface RateDialogProps extends RateFormProps {
  title: string
  isOpen: boolean
}

/** The largest Int of GraphQL. */
const maxRate = 2_147_483_647

export function RateDialog({ title, isOpen, ...form }: RateDialogProps) {
  return (
    <Dialog title={title} isOpen={isOpen} onClose={form.onClose}>
      <RateForm {...form} />
    </Dialog>
  )
}

function RateForm({ owner, rates, emptyText, onClose, onChange }: RateFormProps) {
  const [{ error, fetching }, setRateLimits] = useMutation(SetRateLimitsDocument)
  const [limits, setLimits] = useState(() => pickRates(rates))
  const failure = error ? failureOf(error) : null
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    const result = await setRateLimits({ input: { ...owner, ...changesOf(rates, limits) } })
    if (result.error) return
    onChange()
    onClose()
  }
  return (
    <form className="stack" onSubmit={submit}>
      <p className="muted small">{emptyText}</p>
      {rateNames.map((name) => (
        <NumberField
          key={name}
          label={rateLabels[name]}
          value={limits[name]}
          onChange={(limit) => setLimits({ ...limits, [name]: limit })}
          minValue={1}
          maxValue={maxRate}
        />
      ))}
      {failure && <Notice tone="error" title={failure.message} />}
      <Button variant="primary" type="submit" isPending={fetching}>
        Set them
      </Button>
    </form>
  )
}

function pickRates(rates: RatePartsFragment): RatePartsFragment {
  return Object.fromEntries(rateNames.map((name) => [name, rates[name]])) as RatePartsFragment
}

/** Only what differs, so that a default stays a default. */
function changesOf(before: RatePartsFragment, after: RatePartsFragment): Partial<RatePartsFragment> {
  const changed = rateNames.filter((name) => before[name] !== after[name])
  return Object.fromEntries(changed.map((name) => [name, after[name]]))
}
