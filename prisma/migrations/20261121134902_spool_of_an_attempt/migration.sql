-- AlterTable
ALTER TABLE "attempt" ADD COLUMN     "spool_id" TEXT;

-- AlterTable
ALTER TABLE "operation" ADD COLUMN     "dead_owners" INTEGER NOT NULL DEFAULT 0;
