import type { PrismaClient } from '../../../src/database/database.ts'

/** What a start leaves in a database that is to be copied, and that a copy must not have of another one. */
export async function eraseTraces(prisma: PrismaClient): Promise<void> {
  // The id of a database, which says whose a storage of images is, is made by a migration: each copy makes its own.
  await prisma.$executeRaw`DROP TABLE storage_owner`
  await prisma.$executeRaw`DELETE FROM _prisma_migrations WHERE migration_name LIKE '%_storage_owner'`
  // When which pass of the queue was last made: with these one that starts thinks that another one has just made them.
  await prisma.$executeRaw`
    WITH old AS (DELETE FROM pgboss.version RETURNING version)
    INSERT INTO pgboss.version (version) SELECT version FROM old`
}
