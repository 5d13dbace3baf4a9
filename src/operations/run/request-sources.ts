import type { ImageRequest, SourceImage } from '../../catalogue/image-request.ts'
import { readInput } from '../../catalogue/operation-input.ts'
import { toRequestParameters } from '../../catalogue/request-parameters.ts'
import type { Database } from '../../database/database.ts'
import type { Image } from '../../database/generated/client.ts'
import type { Images } from '../../images/images.ts'
import type { OpenOperation } from '../transitions/leases.ts'

/** An image that an accepted operation was to use is gone. */
export class SourceMissing extends Error {}

export interface RequestSources {
  /** The provider request of an accepted operation, from what is kept of it. Throws {@link SourceMissing}. */
  load(operation: OpenOperation, model: string): Promise<ImageRequest>
  /** The same for reading a reply, where nothing is sent: an image that is gone is left out. */
  recall(operation: OpenOperation, model: string): Promise<ImageRequest>
}

export function createRequestSources(options: {
  database: Database
  images: Images
  pseudonym: (userId: string, endUser: string) => string
  /** Called before a file goes out. */
  onSending: () => unknown
}): RequestSources {
  const { database, images, pseudonym, onSending } = options

  const find = async (operationId: string) => {
    const sources = await database.prisma.operationSource.findMany({
      where: { operationId },
      orderBy: [{ role: 'asc' }, { position: 'asc' }],
    })
    const ids = sources.map(({ imageId }) => imageId)
    const rows = await database.prisma.image.findMany({ where: { id: { in: ids } } })
    const byId = new Map(rows.map((row) => [row.id, row]))
    return sources.map(({ role, imageId }) => ({ role, row: byId.get(imageId) ?? null }))
  }

  const recall = async (operation: OpenOperation, model: string, isWhole: boolean) => {
    const found = operation.kind === 'GENERATE' ? [] : await find(operation.id)
    if (isWhole && found.some(({ row }) => row === null)) throw new SourceMissing()
    const take = (wanted: 'INPUT' | 'MASK') =>
      found.flatMap(({ role, row }) => (role === wanted && row ? [toSource(images, row, onSending)] : []))
    return {
      ...toRequestParameters(operation.kind, readInput(operation.input)),
      model,
      images: take('INPUT'),
      mask: take('MASK')[0] ?? null,
      endUser: operation.endUser === null ? null : pseudonym(operation.userId, operation.endUser),
    }
  }

  return {
    load: (operation, model) => recall(operation, model, true),
    recall: (operation, model) => recall(operation, model, false),
  }
}

function toSource(images: Images, row: Image, onSending: () => unknown): SourceImage {
  const { mimeType, byteSize, width, height, hasAlpha } = row
  return {
    mimeType: mimeType as SourceImage['mimeType'],
    byteSize,
    width,
    height,
    hasAlpha,
    open: async () => {
      await onSending()
      return images.open(row)
    },
  }
}
