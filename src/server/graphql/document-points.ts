import {
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLObjectType,
  type GraphQLSchema,
  getOperationAST,
  Kind,
  type SelectionSetNode,
} from 'graphql'

/** What a field counts that does not say so itself. */
const plainPoints = 1

/**
 * What a document counts against the rate of its sender: the sum over its root fields, each as its `ratePoints` say. A
 * fragment counts where it is spread.
 */
export function pointsOf(
  schema: GraphQLSchema,
  document: DocumentNode,
  operationName?: string | null,
): number {
  const operation = getOperationAST(document, operationName)
  const type = operation && schema.getRootType(operation.operation)
  if (!type) return plainPoints
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition)
  }
  return Math.max(plainPoints, sum({ type, fragments, known: new Map() }, operation.selectionSet))
}

interface Walk {
  type: GraphQLObjectType
  fragments: Map<string, FragmentDefinitionNode>
  /** Each fragment is counted once; one within itself counts nothing there. */
  known: Map<string, number>
}

function sum(walk: Walk, { selections }: SelectionSetNode): number {
  let points = 0
  for (const selection of selections) {
    if (selection.kind === Kind.FIELD) points += fieldPoints(walk.type, selection.name.value)
    else if (selection.kind === Kind.INLINE_FRAGMENT) points += sum(walk, selection.selectionSet)
    else points += spreadPoints(walk, selection.name.value)
  }
  return points
}

function spreadPoints(walk: Walk, name: string): number {
  const known = walk.known.get(name)
  if (known !== undefined) return known
  walk.known.set(name, 0)
  const fragment = walk.fragments.get(name)
  const points = fragment ? sum(walk, fragment.selectionSet) : 0
  walk.known.set(name, points)
  return points
}

function fieldPoints(type: GraphQLObjectType, name: string): number {
  const points = type.getFields()[name]?.extensions.ratePoints
  return typeof points === 'number' ? points : plainPoints
}
