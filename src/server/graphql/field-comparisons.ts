import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type FragmentSpreadNode,
  Kind,
  type SelectionNode,
  type SelectionSetNode,
  visit,
} from 'graphql'

/** The fields of a selection set, fragments included, by the name that they have in the response. */
type FieldsByName = ReadonlyMap<string, readonly FieldNode[]>

/**
 * Validation compares all fields of a selection set that share a name in the response, each with each, and then what is
 * selected in them. So some kilobytes can hold a hundred thousand comparisons. This goes the same way without looking at
 * types, and stops as soon as there are more steps than allowed: what it returns is `allowed + 1` then.
 */
export function countComparisons(document: DocumentNode, allowed: number): number {
  return new FieldComparisons(document, allowed).count()
}

class FieldComparisons {
  readonly #document: DocumentNode
  readonly #allowed: number
  readonly #fragments = new Map<string, FragmentDefinitionNode>()
  readonly #collected = new Map<SelectionSetNode, FieldsByName>()
  readonly #compared = new Map<FieldNode, Set<FieldNode>>()
  /** No recursion: fragments within each other make it as deep as a client likes. */
  readonly #waiting: [FieldNode, FieldNode][] = []
  #steps = 0

  constructor(document: DocumentNode, allowed: number) {
    this.#document = document
    this.#allowed = allowed
    for (const definition of document.definitions) {
      if (definition.kind === Kind.FRAGMENT_DEFINITION) this.#fragments.set(definition.name.value, definition)
    }
  }

  count(): number {
    // Fragments that no operation uses are validated as well.
    for (const set of listSelectionSets(this.#document)) {
      for (const same of this.#collect(set).values()) this.#compareWithin(same)
    }
    return Math.min(this.#steps, this.#allowed + 1)
  }

  /** Whether this step may still be taken. */
  #step(): boolean {
    this.#steps += 1
    return this.#steps <= this.#allowed
  }

  #compareWithin(same: readonly FieldNode[]): void {
    for (const [index, field] of same.entries()) {
      for (const other of same.slice(index + 1)) if (!this.#meet(field, other)) return
    }
    for (let pair = this.#waiting.pop(); pair; pair = this.#waiting.pop()) this.#compareSelections(...pair)
  }

  /** False when there were enough steps. */
  #meet(field: FieldNode, other: FieldNode): boolean {
    if (!this.#step()) return false
    if (field !== other && field.selectionSet && other.selectionSet && this.#isNew(field, other))
      this.#waiting.push([field, other])
    return true
  }

  #compareSelections({ selectionSet: set }: FieldNode, { selectionSet: otherSet }: FieldNode): void {
    if (!set || !otherSet) return
    const others = this.#collect(otherSet)
    for (const [name, fields] of this.#collect(set)) {
      if (!this.#step()) return
      for (const field of fields)
        for (const other of others.get(name) ?? []) if (!this.#meet(field, other)) return
    }
  }

  #isNew(field: FieldNode, other: FieldNode): boolean {
    const known = this.#compared.get(field) ?? new Set()
    if (known.has(other) || this.#compared.get(other)?.has(field)) return false
    this.#compared.set(field, known.add(other))
    return true
  }

  #collect(set: SelectionSetNode): FieldsByName {
    const known = this.#collected.get(set)
    if (known) return known
    const fields = new Map<string, FieldNode[]>()
    const seen = new Set<string>()
    const left: SelectionNode[] = [...set.selections]
    for (let selection = left.pop(); selection && this.#step(); selection = left.pop()) {
      if (selection.kind === Kind.INLINE_FRAGMENT) left.push(...selection.selectionSet.selections)
      else if (isRepeated(selection, seen)) continue
      else if (selection.kind === Kind.FIELD) addField(fields, selection)
      else left.push(...(this.#fragments.get(selection.name.value)?.selectionSet.selections ?? []))
    }
    this.#collected.set(set, fields)
    return fields
  }
}

/** A fragment, and a bare field without arguments and selections, counts once in a selection set however often it is there. */
function isRepeated(selection: FieldNode | FragmentSpreadNode, seen: Set<string>): boolean {
  if (selection.kind === Kind.FIELD && !isBare(selection)) return false
  const alias = selection.kind === Kind.FIELD ? (selection.alias?.value ?? '') : '...'
  const key = `${alias}:${selection.name.value}`
  const isKnown = seen.has(key)
  seen.add(key)
  return isKnown
}

function addField(fields: Map<string, FieldNode[]>, field: FieldNode): void {
  const name = (field.alias ?? field.name).value
  const same = fields.get(name)
  if (same) same.push(field)
  else fields.set(name, [field])
}

function isBare({ arguments: given, selectionSet }: FieldNode): boolean {
  return !selectionSet && !given?.length
}

function listSelectionSets(document: DocumentNode): SelectionSetNode[] {
  const sets: SelectionSetNode[] = []
  visit(document, {
    SelectionSet(node) {
      sets.push(node)
    },
  })
  return sets
}
