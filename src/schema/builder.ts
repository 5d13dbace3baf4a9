import SchemaBuilder from '@pothos/core'
import ComplexityPlugin from '@pothos/plugin-complexity'
import PrismaPlugin from '@pothos/plugin-prisma'
import RelayPlugin from '@pothos/plugin-relay'
import ScopeAuthPlugin from '@pothos/plugin-scope-auth'
import ValidationPlugin from '@pothos/plugin-validation'
import type PrismaTypes from '../database/generated/pothos.ts'
import { getDatamodel } from '../database/generated/pothos.ts'
import { EaselError } from '../errors.ts'
import type { Upload } from '../operations/accept/operation-sources.ts'
import type { Context } from './context.ts'
import { decodeGlobalId, encodeGlobalId } from './global-id.ts'
import { relayDescriptions } from './relay-descriptions.ts'

export interface SchemaTypes {
  Context: Context
  PrismaTypes: PrismaTypes
  DefaultFieldNullability: false
  DefaultInputFieldRequiredness: false
  DefaultEdgesNullability: false
  DefaultNodeNullability: false
  AuthScopes: { admin: boolean; self: string }
  Scalars: {
    ID: { Input: string; Output: string }
    Upload: { Input: Upload; Output: never }
    DateTime: { Input: Date; Output: Date }
    BigInt: { Input: bigint; Output: bigint | number }
    ImageSize: { Input: string; Output: string }
    JSON: { Input: unknown; Output: unknown }
  }
}

export const builder = new SchemaBuilder<SchemaTypes>({
  // Authorization first: what a caller may not see is refused before anything is validated or loaded.
  plugins: [ScopeAuthPlugin, RelayPlugin, PrismaPlugin, ValidationPlugin, ComplexityPlugin],
  defaultFieldNullability: false,
  scopeAuth: {
    authorizeOnSubscribe: true,
    authScopes: ({ viewer }) => ({
      admin: viewer.role === 'ADMIN',
      self: (userId: string) => viewer.role === 'ADMIN' || viewer.userId === userId,
    }),
    unauthorizedError: () => new EaselError('FORBIDDEN', 'You are not allowed to see or do this.'),
  },
  prisma: { client: ({ prisma }) => prisma, dmmf: getDatamodel(), filterConnectionTotalCount: true },
  relay: {
    ...relayDescriptions,
    cursorType: 'String',
    encodeGlobalID: (typename, id) => encodeGlobalId(typename, String(id)),
    decodeGlobalID: decodeGlobalId,
    nodesQueryOptions: false,
  },
  validation: { validationError: ({ issues }) => toBadInput(issues) },
  complexity: {
    limit: ({ mostWork }) => mostWork,
    complexityError: (kind, { maxBreadth, maxComplexity }) =>
      new EaselError('BAD_USER_INPUT', `This document asks for too much at once (${kind}).`, {
        reason: 'DOCUMENT_TOO_COMPLEX',
        allowed: { breadth: maxBreadth, complexity: maxComplexity },
      }),
  },
})

interface Issue {
  message: string
  path?: readonly (PropertyKey | { key: PropertyKey })[] | undefined
}

function toBadInput(issues: readonly Issue[]): EaselError {
  const [first] = issues
  const field = first?.path?.map((step) => String(typeof step === 'object' ? step.key : step)).join('.')
  return new EaselError('BAD_USER_INPUT', first?.message ?? 'The input is not valid.', field ? { field } : {})
}
