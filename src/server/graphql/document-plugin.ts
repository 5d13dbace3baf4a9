import {
  type DocumentNode,
  type GraphQLSchema,
  getOperationAST,
  NoSchemaIntrospectionCustomRule,
  validate,
} from 'graphql'
import type { Viewer } from '../../accounts/viewer.ts'
import type { RateState } from '../../rate-counter.ts'
import type { ServerLimits } from '../server-limits.ts'
import { checkDocument, parseWithinLimits } from './document-limits.ts'
import { pointsOf } from './document-points.ts'
import type { CallPlugin, GraphQLCall } from './graphql-call.ts'
import { checkLiterals, checkVariables } from './text-check.ts'

export interface DocumentPluginOptions {
  limits: ServerLimits
  introspection: boolean
  schema: GraphQLSchema
  admitViewer(viewer: Viewer, asked: { requests: number }): RateState | null
}

/** Checks the document and its texts before they are validated or run, and notes the operation for the log. */
export function documentPlugin(options: DocumentPluginOptions): CallPlugin {
  const { limits, introspection } = options
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
        admitDocument(options, call, document)
      }
    },
    onValidate({ addValidationRule, setValidationFn }) {
      if (!introspection) addValidationRule(NoSchemaIntrospectionCustomRule)
      const validation = { maxErrors: 20, hideSuggestions: !introspection }
      setValidationFn((schema, document, rules) => validate(schema, document, rules, validation))
    },
  }
}

/** The request itself was counted when it came in. */
function admitDocument(options: DocumentPluginOptions, call: GraphQLCall, document: DocumentNode): void {
  const { exchange, viewer, params } = call
  const further = pointsOf(options.schema, document, params?.operationName) - 1
  if (further > 0) exchange.rate = options.admitViewer(viewer, { requests: further }) ?? exchange.rate
}

function noteDocument(call: GraphQLCall, document: DocumentNode): void {
  const operation = getOperationAST(document, call.params?.operationName)
  call.document = document
  call.exchange.operationKind = operation?.operation ?? null
  call.exchange.operationName = operation?.name?.value.slice(0, 100) ?? null
}
