import type { Accounts, Viewer } from '../accounts/accounts.ts'
import type { PrismaClient } from '../database/database.ts'
import type { Base64Image, Images } from '../images/images.ts'
import type { Operations } from '../operations/operations.ts'
import type { Providers } from '../providers/providers.ts'
import type { Usage } from '../usage/usage.ts'
import type { AcceptedOperation } from './accepted-operation.ts'
import type { Loaders } from './loaders.ts'

/** What every resolver gets: the viewer of the request, and the rooms that the resolver may call. */
export interface Context {
  viewer: Viewer
  /** The header `Idempotency-Key`, an alias of `requestId` in documents with one mutation. */
  idempotencyKey: string | null
  /** Aborts when the client disconnects. It ends waiting for an operation, never the operation. */
  signal: AbortSignal
  /** Puts an image into the answer in base64. */
  inline: Inline
  /** What the document has brought about: an answer with errors tells it, since one field may take the data of all. */
  accepted: AcceptedOperation[]
  prisma: PrismaClient
  operations: Operations
  images: Images
  providers: Providers
  usage: Usage
  accounts: Accounts
  loaders: Loaders
  /** How much one document may ask for. Its depth is limited before it is run. */
  mostWork: { breadth: number; complexity: number }
  now: () => Date
}

/**
 * Counts the bytes, which may be refused, before the image is looked for. What it returns stands in the result for the text,
 * which is made when it is sent.
 */
export type Inline = (byteSize: number, find: () => Promise<Base64Image>) => Promise<string>

/** The part of the context that differs from request to request. */
export type ContextBase = Pick<Context, 'viewer' | 'idempotencyKey' | 'signal' | 'inline' | 'accepted'>

/** The owner filter of everything a viewer may read: an admin sees all, a member only its own. */
export function visibleTo({ userId, role }: Viewer): { userId?: string } {
  return role === 'ADMIN' ? {} : { userId }
}
