import { type DocumentNode, getOperationAST, NoSchemaIntrospectionCustomRule, validate } from 'graphql'
import type { ServerLimits } from '../server-limits.ts'
import { checkDocument, parseWithinLimits } from './document-limits.ts'
import type { CallPlugin, GraphQLCall } from './graphql-call.ts'
import { checkLiterals, checkVariables } from './text-check.ts'

export interface DocumentPluginOptions {
  limits: ServerLimits
  introspection: boolean
}

/** Checks the document and its texts before they are validated or run, and notes the operation for the log. */
export function documentPlugin({ limits, introspection }: DocumentPluginOptions): CallPlugin {
  const checked = new WeakSet<DocumentNode>()
  return {
    onParse({ context: { call }, setParseFn }) {
      setParseFn((source, parseOptions) => parseWithinLimits(source, limits, parseOptions))
      return ({ result }) => {
        if (!result || result instanceof Error) return
        const document = result as DocumentNode
        if (!checked.has(document)) {
          checkDocument(document, limits)
          checkLiterals(document)
        }
        checked.add(document)
        noteDocument(call, document)
        checkVariables(document, call.params?.variables)
      }
    },
    onValidate({ addValidationRule, setValidationFn }) {
      if (!introspection) addValidationRule(NoSchemaIntrospectionCustomRule)
      const options = { maxErrors: 20, hideSuggestions: !introspection }
      setValidationFn((schema, document, rules) => validate(schema, document, rules, options))
    },
  }
}

function noteDocument(call: GraphQLCall, document: DocumentNode): void {
  const operation = getOperationAST(document, call.params?.operationName)
  call.document = document
  call.exchange.operationKind = operation?.operation ?? null
  call.exchange.operationName = operation?.name?.value.slice(0, 100) ?? null
}
