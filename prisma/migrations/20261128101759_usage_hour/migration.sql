-- Sums of hours, since days begin at another hour in each time zone. The records are all there is to know, so the sums of
-- the past are made of them.

-- CreateTable
CREATE TABLE "usage_hour" (
    "user_id" UUID NOT NULL,
    "hour" TIMESTAMPTZ(3) NOT NULL,
    "provider" TEXT NOT NULL,
    "model" TEXT NOT NULL,
    "kind" "OperationKind" NOT NULL,
    "currency" TEXT NOT NULL,
    "operations" BIGINT NOT NULL,
    "images" BIGINT NOT NULL,
    "input_tokens" BIGINT NOT NULL,
    "output_tokens" BIGINT NOT NULL,
    "total_tokens" BIGINT NOT NULL,
    "input_text_tokens" BIGINT NOT NULL,
    "input_image_tokens" BIGINT NOT NULL,
    "output_text_tokens" BIGINT NOT NULL,
    "output_image_tokens" BIGINT NOT NULL,
    "estimated" BIGINT NOT NULL,
    "cost_micros" BIGINT NOT NULL,

    CONSTRAINT "usage_hour_pkey" PRIMARY KEY ("user_id","hour","provider","model","kind","currency")
);

-- CreateIndex
CREATE INDEX "usage_hour_hour_idx" ON "usage_hour"("hour");

INSERT INTO "usage_hour"
SELECT "user_id", date_trunc('hour', "created_at", 'UTC'), "provider", "model", "kind", "currency", COUNT(*), SUM("images"),
       SUM("input_tokens"), SUM("output_tokens"), SUM("total_tokens"), SUM("input_text_tokens"), SUM("input_image_tokens"),
       SUM("output_text_tokens"), SUM("output_image_tokens"), SUM("estimated"::int), SUM(COALESCE("cost_micros", 0))
  FROM "usage_record" GROUP BY 1, 2, 3, 4, 5, 6;

-- DropTable
DROP TABLE "usage_day";
