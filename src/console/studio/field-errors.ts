import type { Failure } from '../graphql/failure.ts'

/** The field of the form that a failure belongs to: `input.image.0` is `image`, and the text names the first image. */
export function errorOf(failures: readonly (Failure | null)[], name: string): string | null {
  const failure = failures.find((each) => each?.field && fieldName(each.field) === name)
  return failure ? textOf(failure) : null
}

/** Whether a field of the form shows this failure. */
export function isShownBeside(failure: Failure, names: readonly string[]): boolean {
  return failure.field !== null && names.includes(fieldName(failure.field))
}

function fieldName(field: string): string {
  const [first = '', second] = field.split('.')
  return first === 'input' && second ? second : first
}

function textOf({ message, allowed, hint, field }: Failure): string {
  const choices = Array.isArray(allowed) && allowed.length <= 12 ? ` Allowed: ${allowed.join(', ')}.` : ''
  const place = /^input\.image\.(\d+)/.exec(field ?? '')?.[1]
  const which = place === undefined ? '' : `Image ${Number(place) + 1}: `
  const advice = hint ? ` (${hint.replaceAll('_', ' ').toLowerCase()})` : ''
  return `${which}${message}${message.includes('llowed') ? '' : choices}${advice}`
}
