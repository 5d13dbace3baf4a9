import type { z } from 'zod'
import type { OperationKind } from './operation-kind.ts'

/** Which input a form needs for a parameter. */
export type ParameterType =
  | 'STRING'
  | 'MESSAGES'
  | 'IMAGE'
  | 'IMAGES'
  | 'INTEGER'
  | 'BIG_INTEGER'
  | 'ENUM'
  | 'SIZE'
  | 'ASPECT_RATIO'
  | 'BOOLEAN'

/** One field of a form: the name is that of the mutation's input. */
export interface ModelParameter {
  name: string
  type: ParameterType
  required: boolean
  /** The choices; for a free value, suggestions. */
  values: string[]
  /** Bounds of a number, of the length of a text, or of the number of images. int64 bounds do not fit: strings. */
  min: string | null
  max: string | null
  default: string | null
  /** The parameter has an effect only while another one has one of these values. */
  dependsOn: { parameter: string; values: string[] } | null
}

export type FormField = Pick<ModelParameter, 'type'> & Partial<Omit<ModelParameter, 'name'>>

/** The form that a field is for. */
export interface Form {
  kind: OperationKind
  /** Whether the model has this capability for the kind. */
  has(capability: string): boolean
}

/** The context of a judged value, for its error. */
export interface Asked {
  /** The name of the parameter. */
  name: string
  modelName: string
}

/** The value of a parameter, as requests and kept operations have it. */
export interface ParameterValue<Value> {
  /** Reads the value of a GraphQL input, and the one that was kept as JSON. */
  value: z.ZodType<Value>
  /** The value when it is not given. */
  default: Value
}

/** The rule of a model for a parameter. A model without the rule does not have the parameter. */
export interface ParameterRule<Value, Rule, Capability extends string> {
  /** Where the rule stands among the capabilities of a model. Two parameters may share one. */
  capability: Capability
  rule: z.ZodType<Rule>
  /** The field of a form; without it no form shows the parameter. */
  form?(rule: Rule, form: Form): FormField
  /** Refuses a value that the rule does not allow. Rules between two parameters are the judge's. */
  check?(value: NonNullable<Value>, rule: Rule, asked: Asked): void
}

interface ParameterBase<Kinds extends readonly OperationKind[]> {
  /** The kinds whose mutations have it. */
  kinds: Kinds
  /** A kind for which every model accepts it, since it is never sent upstream. */
  freeFor?: OperationKind
}

type Ruled<
  Value,
  Rule,
  Capability extends string,
  Kinds extends readonly OperationKind[],
> = ParameterBase<Kinds> & ParameterValue<Value> & ParameterRule<Value, Rule, Capability>

/** A parameter with a value, and with a rule of the model for it. */
export function ruled<
  Value,
  Rule,
  const Capability extends string,
  const Kinds extends readonly OperationKind[],
>(parameter: Ruled<Value, Rule, Capability, Kinds>): Ruled<Value, Rule, Capability, Kinds> {
  return parameter
}

type Unruled<Value, Kinds extends readonly OperationKind[]> = ParameterBase<Kinds> & ParameterValue<Value>

/** A parameter for the gateway itself, which every model accepts. */
export function unruled<Value, const Kinds extends readonly OperationKind[]>(
  parameter: Unruled<Value, Kinds>,
): Unruled<Value, Kinds> {
  return parameter
}

type Sources<Rule, Capability extends string, Kinds extends readonly OperationKind[]> = ParameterBase<Kinds> &
  Omit<ParameterRule<null, Rule, Capability>, 'check'>

/** The images of a request. Their bytes are kept apart, and source-rules.ts judges them. */
export function sources<Rule, const Capability extends string, const Kinds extends readonly OperationKind[]>(
  parameter: Sources<Rule, Capability, Kinds>,
): Sources<Rule, Capability, Kinds> {
  return parameter
}

/** Any parameter, for code that goes through all of them. */
export type AnyParameter = ParameterBase<readonly OperationKind[]> &
  Partial<ParameterValue<unknown>> &
  Partial<ParameterRule<unknown, unknown, string>>
