import type { Capabilities } from './capabilities.ts'
import type { OperationKind } from './operation-kind.ts'
import type { ModelParameter } from './parameter.ts'
import { parameterList } from './parameters.ts'

const blank = { required: false, values: [], min: null, max: null, default: null, dependsOn: null }

/** The form of one kind of operation, in the order a form would show it. */
export function listParameters(kind: OperationKind, capabilities: Capabilities): ModelParameter[] {
  const rules: Record<string, unknown> = { ...capabilities }
  const form = { kind, has: (capability: string) => Boolean(rules[capability]) }
  return parameterList.flatMap((parameter) => {
    const { name, capability, kinds } = parameter
    const rule = capability && rules[capability]
    return rule && parameter.form && kinds.includes(kind)
      ? [{ ...blank, name, ...parameter.form(rule, form) }]
      : []
  })
}
