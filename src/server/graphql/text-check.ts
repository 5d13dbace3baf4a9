import { type DocumentNode, Kind, type StringValueNode, visit } from 'graphql'
import { EaselError } from '../../errors.ts'
import { inputPathOf, variablePathOf } from './input-path.ts'

/**
 * PostgreSQL can store neither U+0000 nor half of a surrogate pair, but JSON may hold both. They are refused in every
 * argument, so that no query or write fails on them later.
 */
function isText(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0')
}

/** The texts that are written into the document. */
export function checkLiterals(document: DocumentNode): void {
  let wrong: StringValueNode | undefined
  visit(document, {
    [Kind.STRING]: (node) => {
      if (!isText(node.value)) wrong ??= node
    },
  })
  if (wrong) throw notText(inputPathOf(document, (node) => node === wrong))
}

/** The texts in the variables, at any depth; files of an upload are skipped. */
export function checkVariables(document: DocumentNode, variables: unknown): void {
  // No recursion: a client decides how deep they are.
  const left: Place[] = [{ value: variables, key: '', parent: null }]
  for (let place = left.pop(); place; place = left.pop()) {
    const { value } = place
    if (typeof value === 'string' && !isText(value)) throw notText(fieldOf(document, place))
    if (!Array.isArray(value) && !isPlain(value)) continue
    for (const [key, member] of Object.entries(value)) left.push({ value: member, key, parent: place })
  }
}

/** The parameters of an address that is not GraphQL's. */
export function checkTexts(parameters: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(parameters)) if (!isText(text)) throw notText(name)
}

interface Place {
  value: unknown
  key: string
  parent: Place | null
}

function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}

function fieldOf(document: DocumentNode, wrong: Place): string {
  const keys: string[] = []
  for (let place = wrong; place.parent; place = place.parent) keys.push(place.key)
  const [variable = '', ...path] = keys.reverse()
  return variablePathOf(document, [variable, ...path])
}

function notText(field: string | undefined): EaselError {
  return new EaselError(
    'BAD_USER_INPUT',
    'A text must not contain the character U+0000 or half of a surrogate pair.',
    { reason: 'TEXT_MALFORMED', ...(field && { field }) },
  )
}
