import { type ASTNode, type DocumentNode, Kind, visit } from 'graphql'

/**
 * The input path that a node of a document stands at, as a caller counts it: from the field's arguments down.
 * `{ editImage(input: { image: [$a] }) }` has `$a` at `input.image.0`.
 */
export function inputPathOf(
  document: DocumentNode,
  isSought: (node: ASTNode) => boolean,
): string | undefined {
  let found: string | undefined
  visit(document, {
    enter(node, _key, parent, path, ancestors) {
      if (found !== undefined) return false
      if (!isSought(node)) return undefined
      const keys = readKeys([...ancestors, ...(parent ? [parent] : []), node], path)
      if (keys.length > 0) found = keys.join('.')
      return undefined
    },
  })
  return found
}

/** Where a variable is used for the first time. */
export function variablePathOf(document: DocumentNode, variable: string): string {
  const path = inputPathOf(document, (node) => node.kind === Kind.VARIABLE && node.name.value === variable)
  return path ?? variable
}

type Ancestor = ASTNode | readonly ASTNode[]

/** `path[i]` is the key under which `line[i + 1]` hangs in `line[i]`. */
function readKeys(line: readonly Ancestor[], path: readonly (string | number)[]): string[] {
  return line.flatMap((node, i) => {
    if (isNode(node))
      return node.kind === Kind.ARGUMENT || node.kind === Kind.OBJECT_FIELD ? [node.name.value] : []
    const parent = line[i - 1]
    return parent && isNode(parent) && parent.kind === Kind.LIST ? [String(path[i])] : []
  })
}

function isNode(node: Ancestor): node is ASTNode {
  return 'kind' in node
}
