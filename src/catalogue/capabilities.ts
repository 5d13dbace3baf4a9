import type { z } from 'zod'
import { parameterList, type parameters } from './parameters.ts'

type Parameters = typeof parameters
type RuledName = {
  [N in keyof Parameters]: Parameters[N] extends { rule: z.ZodType } ? N : never
}[keyof Parameters]

/** What a model says of each parameter. A null says that it does not have the parameter. */
type Rules = { [N in RuledName as Parameters[N]['capability']]: z.output<Parameters[N]['rule']> | null }

/** What one kind of operation of one model takes. */
export interface Capabilities extends Omit<Rules, 'n'> {
  n: NonNullable<Rules['n']>
  /** Whether the upstream takes the word `auto`; else it is left out, which means the same. */
  autoSize: boolean
  autoQuality: boolean
  /** Whether the upstream takes a pseudonym of the end user. */
  endUser: boolean
}

const nothing = Object.fromEntries(parameterList.map(({ capability }) => [capability, null]))

/** Of a model that takes no parameter but `n`: what others are described by. */
export const noCapabilities: Readonly<Capabilities> = {
  ...(nothing as Record<keyof Rules, null>),
  n: { max: 10 },
  autoSize: false,
  autoQuality: false,
  endUser: true,
}
