-- AlterTable
ALTER TABLE "usage_hour" ADD COLUMN     "cached_input_tokens" BIGINT NOT NULL DEFAULT 0;

-- AlterTable
ALTER TABLE "usage_record" ADD COLUMN     "cached_input_tokens" BIGINT NOT NULL DEFAULT 0;
