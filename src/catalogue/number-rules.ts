import type { Asked } from './parameter.ts'
import { refuseValue } from './parameter-refusal.ts'

/** For a whole number from `min` to `max`, of either type. */
export function checkRange<Value extends number | bigint>(
  value: Value,
  { min, max }: { min: Value; max: Value },
  { name }: Pick<Asked, 'name'>,
): void {
  if (value >= min && value <= max && (typeof value === 'bigint' || Number.isInteger(value))) return
  // JSON has no number for 64 bits.
  const show = (bound: Value) => (typeof bound === 'bigint' ? String(bound) : bound)
  throw refuseValue(`${name} must be a whole number from ${min} to ${max}.`, {
    field: `input.${name}`,
    reason: 'OUT_OF_RANGE',
    allowed: { min: show(min), max: show(max) },
    actual: show(value),
  })
}
