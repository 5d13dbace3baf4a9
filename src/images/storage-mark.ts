import { z } from 'zod'
import type { PrismaClient } from '../database/database.ts'
import { EaselError } from '../errors.ts'
import { markName, parseObjectName } from './object-name.ts'
import type { Storage } from './storage.ts'

/*
 * A storage belongs to one database. An object in it, the mark, holds the database's id. A gateway with another database
 * must not use it: its sweep would delete every image, since its database has no row of them.
 */

const markShape = z.object({ databaseId: z.guid(), generation: z.guid().optional() })

export type Mark = z.infer<typeof markShape>

export interface MarkOptions {
  readonly prisma: PrismaClient
  readonly storage: Storage
  readonly signal?: AbortSignal | undefined
}

export const ownedByAnother = 'STORAGE_OWNED_BY_ANOTHER'

/** The mark of the storage; throws where it names another database. Null: there was no mark, and one was written. */
export async function findMark(options: MarkOptions & { databaseId: string }): Promise<Mark | null> {
  const { storage, databaseId, signal } = options
  const found = await storage.readText(markName, signal)
  if (found !== null) return checkMark(found, databaseId)
  await refuseImagesOfOthers(options)
  await storage.writeText(markName, JSON.stringify({ databaseId }), { ifAbsent: true, signal })
  // Another gateway may have written its mark first, or the server may ignore conditions: the mark that is read counts.
  checkMark((await storage.readText(markName, signal)) ?? '', databaseId)
  return null
}

export async function writeMark({ storage, signal }: MarkOptions, mark: Mark): Promise<void> {
  await storage.writeText(markName, JSON.stringify(mark), { signal })
}

function checkMark(text: string, databaseId: string): Mark {
  const mark = parseMark(text)
  if (mark?.databaseId === databaseId) return mark
  const owner = mark ? `the database ${mark.databaseId}` : 'somebody whose name cannot be read'
  throw foreignStorage(`it belongs to ${owner}`, databaseId)
}

function parseMark(text: string): Mark | null {
  try {
    return markShape.parse(JSON.parse(text))
  } catch {
    return null
  }
}

/**
 * A storage from before there were marks, or an empty one. The first page of images decides: the images belong to this
 * gateway if its database knows their operations, except for the few that a crash left behind.
 */
async function refuseImagesOfOthers(options: MarkOptions & { databaseId: string }): Promise<void> {
  const { prisma, storage, databaseId, signal } = options
  for await (const page of storage.pages({ signal })) {
    const ids = page.map(({ key }) => parseObjectName(key)).flatMap((name) => nameOperation(name))
    if (ids.length === 0) continue
    const known = await prisma.operation.findFirst({ where: { id: { in: ids } }, select: { id: true } })
    if (known) return
    throw foreignStorage('it holds images of operations that this database does not know', databaseId)
  }
}

function nameOperation(name: ReturnType<typeof parseObjectName>): string[] {
  return name.kind === 'image' ? [name.operationId] : []
}

function foreignStorage(because: string, databaseId: string): EaselError {
  return new EaselError(
    'UNAVAILABLE',
    `Easel cannot use the image storage: ${because}. Two databases on one storage would delete each other's images. ` +
      'Give this gateway a storage of its own: another bucket or prefix in EASEL_STORAGE (s3://bucket/prefix), or ' +
      'another EASEL_DATA_DIR. If nobody else uses these images and this database is to have them, write ' +
      `{"databaseId":"${databaseId}"} into ${markName} there.`,
    { reason: ownedByAnother },
  )
}
