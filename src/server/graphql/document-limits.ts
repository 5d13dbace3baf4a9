import {
  type DefinitionNode,
  type DocumentNode,
  type FragmentDefinitionNode,
  Kind,
  type ParseOptions,
  parse,
  type SelectionSetNode,
  Source,
  visit,
} from 'graphql'
import { EaselError } from '../../errors.ts'
import type { ReasonOf } from '../../reasons/reasons.ts'
import type { ServerLimits } from '../server-limits.ts'
import { countComparisons } from './field-comparisons.ts'
import { NestingLexer, type NestingLimits } from './nesting-lexer.ts'

export type DocumentLimits = Pick<
  ServerLimits,
  | 'maxDocumentBytes'
  | 'maxTokens'
  | 'maxDepth'
  | 'maxAliases'
  | 'maxDirectives'
  | 'maxFields'
  | 'maxComparisons'
> &
  NestingLimits

/**
 * Checked right after parsing: validation itself costs too much on a document built to be expensive
 * (overlapping fields are compared pairwise), so these are no validation rules.
 */
export function parseWithinLimits(
  source: string | Source,
  limits: DocumentLimits,
  options?: ParseOptions,
): DocumentNode {
  const document = typeof source === 'string' ? new Source(source) : source
  const bytes = Buffer.byteLength(document.body)
  if (bytes > limits.maxDocumentBytes) throw tooLarge('DOCUMENT_TOO_LARGE', bytes, limits.maxDocumentBytes)
  const lexer = new NestingLexer(document, limits)
  return parse(document, { ...options, lexer, maxTokens: limits.maxTokens })
}

export function checkDocument(document: DocumentNode, limits: DocumentLimits): void {
  let aliases = 0
  let directives = 0
  visit(document, {
    enter(node) {
      if (node.kind === Kind.FIELD && node.alias) aliases += 1
      if (node.kind === Kind.DIRECTIVE) directives += 1
    },
  })
  check('TOO_MANY_ALIASES', aliases, limits.maxAliases)
  check('TOO_MANY_DIRECTIVES', directives, limits.maxDirectives)
  const weigh = createWeigher(document.definitions)
  for (const definition of document.definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue
    const { depth, fields } = weigh(definition.selectionSet)
    check('TOO_DEEP', depth, limits.maxDepth)
    check('TOO_MANY_FIELDS', fields, limits.maxFields)
  }
  check('TOO_MANY_COMPARISONS', countComparisons(document, limits.maxComparisons), limits.maxComparisons)
}

interface Weight {
  depth: number
  fields: number
}

/**
 * Each fragment is weighed once, so fragments nested exponentially cost linear time. A fragment within itself
 * weighs nothing here: validation refuses it.
 */
function createWeigher(definitions: readonly DefinitionNode[]): (set: SelectionSetNode) => Weight {
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const definition of definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition)
  }
  const known = new Map<string, Weight>()

  function weighFragment(name: string): Weight {
    const weight = known.get(name)
    if (weight) return weight
    known.set(name, { depth: 0, fields: 0 })
    const fragment = fragments.get(name)
    const weighed = fragment ? weigh(fragment.selectionSet) : { depth: 0, fields: 0 }
    known.set(name, weighed)
    return weighed
  }

  function weigh(set: SelectionSetNode): Weight {
    const total = { depth: 0, fields: 0 }
    for (const selection of set.selections) {
      const own = selection.kind === Kind.FIELD ? 1 : 0
      const inner =
        selection.kind === Kind.FRAGMENT_SPREAD
          ? weighFragment(selection.name.value)
          : selection.selectionSet
            ? weigh(selection.selectionSet)
            : { depth: 0, fields: 0 }
      total.depth = Math.max(total.depth, own + inner.depth)
      total.fields += own + inner.fields
    }
    return total
  }
  return weigh
}

function check(reason: ReasonOf<'BAD_USER_INPUT'>, actual: number, allowed: number): void {
  if (actual > allowed) throw tooLarge(reason, actual, allowed)
}

function tooLarge(reason: ReasonOf<'BAD_USER_INPUT'>, actual: number, allowed: number): EaselError {
  return new EaselError('BAD_USER_INPUT', 'The GraphQL document is too large', { reason, actual, allowed })
}
