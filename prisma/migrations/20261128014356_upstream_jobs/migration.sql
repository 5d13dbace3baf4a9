-- AlterTable
ALTER TABLE "attempt" ADD COLUMN     "upstream_jobs" JSONB[] DEFAULT ARRAY[]::JSONB[];
