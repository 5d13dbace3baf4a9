-- AlterTable
ALTER TABLE "api_key" ADD COLUMN     "concurrent_operations" INTEGER,
ADD COLUMN     "images_per_minute" INTEGER,
ADD COLUMN     "requests_per_minute" INTEGER,
ADD COLUMN     "tokens_per_minute" INTEGER;

-- AlterTable
ALTER TABLE "user" ADD COLUMN     "concurrent_operations" INTEGER,
ADD COLUMN     "images_per_minute" INTEGER,
ADD COLUMN     "requests_per_minute" INTEGER,
ADD COLUMN     "tokens_per_minute" INTEGER;

-- CreateTable
CREATE UNLOGGED TABLE "rate_count" (
    "key" TEXT NOT NULL,
    "window" INTEGER NOT NULL,
    "points" BIGINT NOT NULL,

    CONSTRAINT "rate_count_pkey" PRIMARY KEY ("key","window")
);

-- CreateIndex
CREATE INDEX "rate_count_window_idx" ON "rate_count"("window");
