import { type DocumentNode, getOperationAST, NoSchemaIntrospectionCustomRule, validate } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import { EaselError } from '../errors.ts'
import { checkDocument, parseWithinLimits } from './document-limits.ts'
import type { ServerViewer } from './exchange.ts'
import { callOf, type GraphQLCall } from './graphql-call.ts'
import type { ServerLimits } from './server-limits.ts'
import { checkLiterals, checkVariables } from './text-check.ts'
import type { DiscardableImage } from './uploaded-file.ts'

export interface DocumentPluginOptions {
  limits: ServerLimits
  introspection: boolean
  isDraining(): boolean
}

/** Checks the document and its texts before anything expensive is done with them, and notes what it is. */
export function documentPlugin({ limits, introspection, isDraining }: DocumentPluginOptions): Plugin {
  const checked = new WeakSet<DocumentNode>()
  return {
    onParse({ context, setParseFn }) {
      setParseFn((source, parseOptions) => parseWithinLimits(source, limits, parseOptions))
      return ({ result }) => {
        if (!result || result instanceof Error) return
        const document = result as DocumentNode
        if (!checked.has(document)) {
          checkDocument(document, limits)
          checkLiterals(document)
        }
        checked.add(document)
        const call = callOf(context)
        noteDocument(call, document)
        checkVariables(document, call.params?.variables)
      }
    },
    onValidate({ addValidationRule, setValidationFn }) {
      if (!introspection) addValidationRule(NoSchemaIntrospectionCustomRule)
      const options = { maxErrors: 20, hideSuggestions: !introspection }
      setValidationFn((schema, document, rules) => validate(schema, document, rules, options))
    },
    onExecute({ args, setResultAndStopExecution }) {
      const operation = getOperationAST(args.document, args.operationName)
      if (operation?.operation !== 'mutation' || !isDraining()) return
      const error = new EaselError('UNAVAILABLE', 'This server is shutting down', {
        reason: 'SHUTTING_DOWN',
        retryAfterMs: limits.reconnectMs,
      })
      setResultAndStopExecution({ errors: [error as never] })
    },
  }
}

function noteDocument(call: GraphQLCall<ServerViewer, DiscardableImage>, document: DocumentNode): void {
  const operation = getOperationAST(document, call.params?.operationName)
  call.document = document
  call.exchange.operationKind = operation?.operation ?? null
  call.exchange.operationName = operation?.name?.value.slice(0, 100) ?? null
}
