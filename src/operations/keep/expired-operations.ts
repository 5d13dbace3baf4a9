import type { PrismaClient } from '../../database/database.ts'

/*
 * Where to find what is past its life, a batch at a time, in the order of age. Each of these reads a partial index that
 * holds only what has not gone yet, from the place where the batch before ended: so a batch reads about what it
 * changes, however many operations there ever were, and one that stays because it is needed does not hold up the rest.
 */

/** Where a batch ended: the moment by which its index is sorted, and the id among those of the same moment. */
export interface Place {
  at: Date
  id: string
}

export interface Found extends Place {
  operationId: string
}

export interface Batch {
  /** Only what is older than this. */
  before: Date
  after: Place
}

export type FindExpired = (prisma: PrismaClient, batch: Batch) => Promise<Found[]>

export const batchSize = 100
export const beginning: Place = { at: new Date(0), id: '00000000-0000-0000-0000-000000000000' }

/** Index image_partial_idx. An image is never newer than the end of its operation. */
export const findExpiredPartials: FindExpired = (prisma, { before, after }) => prisma.$queryRaw`
  SELECT i.operation_id AS "operationId", i.created_at AS at, i.id
    FROM image i JOIN operation o ON o.id = i.operation_id
   WHERE i.role = 'PARTIAL' AND i.created_at < ${before} AND o.finished_at < ${before}
     AND (i.created_at, i.id) > (${after.at}, ${after.id}::uuid)
   ORDER BY i.created_at, i.id LIMIT ${batchSize}`

/**
 * Index operation_made_nothing_idx: what has ended with an error made no result. Its partial images may stay longer than
 * its sources; it is found again once they are gone too, and then leaves the index.
 */
export const findFailedSources: FindExpired = (prisma, { before, after }) => prisma.$queryRaw`
  SELECT o.id AS "operationId", o.finished_at AS at, o.id
    FROM operation o
    LEFT JOIN LATERAL (SELECT role FROM image WHERE operation_id = o.id ORDER BY role LIMIT 1) first_image ON true
   WHERE o.images_deleted_at IS NULL AND o.error IS NOT NULL AND o.finished_at < ${before}
     AND (o.finished_at, o.id) > (${after.at}, ${after.id}::uuid)
     AND (first_image.role IS NULL OR first_image.role IN ('INPUT', 'MASK'))
   ORDER BY o.finished_at, o.id LIMIT ${batchSize}`

/** Index operation_with_images_idx. */
export const findExpiredResults: FindExpired = (prisma, { before, after }) => prisma.$queryRaw`
  SELECT id AS "operationId", finished_at AS at, id FROM operation
   WHERE images_deleted_at IS NULL AND finished_at < ${before}
     AND (finished_at, id) > (${after.at}, ${after.id}::uuid)
   ORDER BY finished_at, id LIMIT ${batchSize}`

/** Index operation_with_input_idx. The fingerprint is emptied together with the input, so it marks what is left. */
export const findExpiredInputs: FindExpired = (prisma, { before, after }) => prisma.$queryRaw`
  SELECT id AS "operationId", finished_at AS at, id FROM operation
   WHERE fingerprint <> '' AND finished_at < ${before}
     AND (finished_at, id) > (${after.at}, ${after.id}::uuid)
   ORDER BY finished_at, id LIMIT ${batchSize}`

/*
 * What is left of deleted users is past its life at once. There are few of them, and each one's operations have an index.
 */

export const findDeletedResults: FindExpired = (prisma, { after }) => prisma.$queryRaw`
  SELECT o.id AS "operationId", o.finished_at AS at, o.id
    FROM "user" u JOIN operation o ON o.user_id = u.id
   WHERE u.deleted_at IS NOT NULL AND o.images_deleted_at IS NULL
     AND (o.finished_at, o.id) > (${after.at}, ${after.id}::uuid)
   ORDER BY o.finished_at, o.id LIMIT ${batchSize}`

export const findDeletedInputs: FindExpired = (prisma, { after }) => prisma.$queryRaw`
  SELECT o.id AS "operationId", o.finished_at AS at, o.id
    FROM "user" u JOIN operation o ON o.user_id = u.id
   WHERE u.deleted_at IS NOT NULL AND o.fingerprint <> ''
     AND (o.finished_at, o.id) > (${after.at}, ${after.id}::uuid)
   ORDER BY o.finished_at, o.id LIMIT ${batchSize}`
