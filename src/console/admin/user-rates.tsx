import { useState } from 'react'
import { Button } from '../controls/button.tsx'
import type { UserCardFragment } from '../generated/graphql.ts'
import { RateList } from '../usage/rate-list.tsx'
import { RateDialog } from './rate-dialog.tsx'

export function UserRates({ user, onChange }: { user: UserCardFragment; onChange(): void }) {
  const [isSetting, setSetting] = useState(false)
  return (
    <section aria-label={`Rates of ${user.name}`}>
      <h3>Rates</h3>
      <RateList rates={user.rateLimits} />
      <Button onPress={() => setSetting(true)}>Set rates</Button>
      <RateDialog
        title={`Rates of ${user.name}`}
        owner={{ userId: user.id }}
        rates={user.rateLimits}
        emptyText="Empty: as the gateway has it for everybody."
        isOpen={isSetting}
        onClose={() => setSetting(false)}
        onChange={onChange}
      />
    </section>
  )
}
