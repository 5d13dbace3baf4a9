import { type ASTNode, type DocumentNode, Kind, visit } from 'graphql'

/** Clients choose names and keys, and one of them may be a megabyte long. */
const maxPathChars = 256

/** An input path for errors, such as `input.image.0`, cut at `maxPathChars`. */
export function joinInputPath(keys: readonly (string | number)[]): string {
  const path = keys.join('.')
  return path.length > maxPathChars ? `${path.slice(0, maxPathChars - 1).toWellFormed()}…` : path
}

/**
 * The input path that a node of a document stands at, as a caller counts it: from the field's arguments down.
 * `{ editImage(input: { image: [$a] }) }` has `$a` at `input.image.0`.
 */
export function inputPathOf(
  document: DocumentNode,
  isSought: (node: ASTNode) => boolean,
): string | undefined {
  const keys = findKeys(document, isSought)
  return keys && joinInputPath(keys)
}

/** The same for a place in a variable: from where the variable is used for the first time. */
export function variablePathOf(
  document: DocumentNode,
  [variable, ...path]: readonly [string, ...(string | number)[]],
): string {
  const keys = findKeys(document, (node) => node.kind === Kind.VARIABLE && node.name.value === variable) ?? [
    variable,
  ]
  return joinInputPath([...keys, ...path])
}

function findKeys(document: DocumentNode, isSought: (node: ASTNode) => boolean): string[] | undefined {
  let found: string[] | undefined
  visit(document, {
    enter(node, _key, parent, path, ancestors) {
      if (found !== undefined) return false
      if (!isSought(node)) return undefined
      const keys = readKeys([...ancestors, ...(parent ? [parent] : []), node], path)
      if (keys.length > 0) found = keys
      return undefined
    },
  })
  return found
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
