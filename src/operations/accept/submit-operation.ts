import type { SourceFacts } from '../../catalogue/source-facts.ts'
import type { Database } from '../../database/database.ts'
import type { Operation } from '../../database/generated/client.ts'
import { EaselError } from '../../errors.ts'
import type { Images } from '../../images/images.ts'
import type { Providers } from '../../providers/providers.ts'
import type { Accept } from './accept-operation.ts'
import { fingerprint } from './fingerprint.ts'
import { acceptingModels, type DraftSources, toDraft } from './model-choice.ts'
import { fingerprintFiles, type OperationSources, type ReadySource } from './operation-sources.ts'
import { findUsed, type SubmitRequest } from './submit-request.ts'

export interface SubmitOptions {
  database: Database
  providers: Providers
  images: Images
  sources: OperationSources
  accept: Accept
  newId: () => string
}

/**
 * Accepts an operation, or refuses it before anything is spent. Parameters are checked before the files have arrived,
 * files before anything is kept; then one transaction writes the operation, its budget reservation and its job. A
 * request id that was used before gives its operation again if the request is the same, and binds only on acceptance.
 */
export function createSubmit(options: SubmitOptions) {
  const { database, providers, images, sources, accept, newId } = options

  return async (request: SubmitRequest): Promise<Operation> => {
    const { kind, input } = request
    const accepting = (known: DraftSources | null) =>
      acceptingModels(providers, {
        asked: input.model,
        draft: toDraft({ kind, input }, known),
        allowed: request.apiKey?.models,
      })
    const used = await findUsed(database, request)
    if (!used) accepting(null)
    const print = fingerprint(input, await fingerprintFiles(request.sources))
    if (used) return replay(used, print)

    const ready = await sources.ready(request.sources, request.userId)
    // A mask is decoded only if some model accepts its header: decoding is expensive.
    accepting(toDraftSources(ready))
    const models = accepting(await inspectMask(images, ready, request.userId))
    await images.admitUploads({ userId: request.userId, bytes: sizeOfUploads(ready) })
    const operationId = newId()
    const stored = await sources.store(ready, operationId)
    const { operation, isNew } = await accept(request, { operationId, print, models, stored })
    return isNew ? operation : replay(operation, print)
  }
}

function replay(used: Operation, print: string): Operation {
  if (used.fingerprint === print) return used
  throw new EaselError(
    'IDEMPOTENCY_KEY_REUSED',
    'This requestId was used before for a request with other content. Use a new one for a new request.',
    { reason: 'IDEMPOTENCY_KEY_REUSED', field: 'input.requestId' },
  )
}

function sizeOfUploads(ready: ReadySource[]): number {
  const sizes = ready.map(({ upload, image }) => (upload ? image.byteSize : 0))
  return sizes.reduce((sum, size) => sum + size, 0)
}

function toDraftSources(ready: ReadySource[]): DraftSources {
  const facts = (role: 'INPUT' | 'MASK') =>
    ready.filter((source) => source.role === role).map(({ image }) => toSourceFacts(image))
  return { images: facts('INPUT'), mask: facts('MASK')[0] ?? null }
}

function toSourceFacts({ mimeType, byteSize, width, height, hasAlpha }: ReadySource['image']): SourceFacts {
  return { mimeType: mimeType as SourceFacts['mimeType'], byteSize, width, height, hasAlpha }
}

/** Adds the fact that only the pixels of the mask show: which of them are transparent. */
async function inspectMask(images: Images, ready: ReadySource[], userId: string): Promise<DraftSources> {
  const facts = toDraftSources(ready)
  const mask = ready.find(({ role }) => role === 'MASK')
  if (!mask || !facts.mask) return facts
  const coverage = await images.readCoverage(mask.image, { userId }).catch((error) => {
    throw error instanceof EaselError ? error.at('input.mask') : error
  })
  return { ...facts, mask: { ...facts.mask, coverage } }
}
