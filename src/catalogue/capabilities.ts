import { z } from 'zod'
import { operationKinds } from './operation-kind.ts'
import { parameterList, parameters } from './parameters.ts'

type Parameters = typeof parameters
type RuledName = {
  [N in keyof Parameters]: Parameters[N] extends { rule: z.ZodType } ? N : never
}[keyof Parameters]

/** The rule of a model for each parameter. Null: the model does not have the parameter. */
type Rules = { [N in RuledName as Parameters[N]['capability']]: z.output<Parameters[N]['rule']> | null }

/** What a model accepts for one kind of operation. */
export interface Capabilities extends Omit<Rules, 'n'> {
  n: NonNullable<Rules['n']>
  /** Whether the upstream accepts the word `auto`. Otherwise the parameter is left out, which means the same. */
  autoSize: boolean
  autoQuality: boolean
  /** Whether the upstream takes a pseudonym of the end user. */
  endUser: boolean
}

const ruled = parameterList.flatMap(({ capability, rule }) =>
  capability && rule ? [{ capability, rule }] : [],
)
const nothing = Object.fromEntries(ruled.map(({ capability }) => [capability, null]))

/** The capabilities of a model without any parameter but `n`; others are described by their differences. */
export const noCapabilities: Readonly<Capabilities> = {
  ...(nothing as Record<keyof Rules, null>),
  n: { max: 10 },
  autoSize: false,
  autoQuality: false,
  endUser: false,
}

type RuleEntries = {
  [N in RuledName as Parameters[N]['capability']]: z.ZodNullable<Parameters[N]['rule']>
}

const rules = Object.fromEntries(
  ruled.map(({ capability, rule }) => [capability, rule.nullable()]),
) as RuleEntries
const flag = z.boolean()

/** Some of the capabilities of a model, by the kind of operation, as an operator writes them. */
export const capabilityEntry = z.partialRecord(
  z.enum(operationKinds),
  z
    .strictObject({ ...rules, n: parameters.n.rule, autoSize: flag, autoQuality: flag, endUser: flag })
    .partial(),
)
