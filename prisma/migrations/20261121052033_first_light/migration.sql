-- CreateEnum
CREATE TYPE "Role" AS ENUM ('MEMBER', 'ADMIN');

-- CreateEnum
CREATE TYPE "OperationKind" AS ENUM ('GENERATE', 'EDIT', 'VARIATION');

-- CreateEnum
CREATE TYPE "OperationStatus" AS ENUM ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED');

-- CreateEnum
CREATE TYPE "AttemptState" AS ENUM ('PREPARED', 'SENT', 'RESPONDED', 'SETTLED', 'ABANDONED');

-- CreateEnum
CREATE TYPE "ImageRole" AS ENUM ('INPUT', 'MASK', 'PARTIAL', 'RESULT');

-- CreateEnum
CREATE TYPE "BudgetPeriod" AS ENUM ('DAY', 'MONTH', 'TOTAL');

-- CreateEnum
CREATE TYPE "BudgetUnit" AS ENUM ('TOKENS', 'MONEY');

-- CreateEnum
CREATE TYPE "LedgerEntryKind" AS ENUM ('RESERVE', 'CAPTURE', 'RELEASE', 'PROVIDER_LOSS');

-- CreateTable
CREATE TABLE "user" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "role" "Role" NOT NULL DEFAULT 'MEMBER',
    "external_id" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "user_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "api_key" (
    "id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "prefix" TEXT NOT NULL,
    "hash" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_used_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),

    CONSTRAINT "api_key_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "operation" (
    "id" UUID NOT NULL,
    "kind" "OperationKind" NOT NULL,
    "status" "OperationStatus" NOT NULL DEFAULT 'QUEUED',
    "stage" TEXT NOT NULL DEFAULT 'QUEUED',
    "user_id" UUID NOT NULL,
    "end_user" TEXT,
    "request_id" TEXT,
    "fingerprint" TEXT NOT NULL,
    "input" JSONB NOT NULL,
    "provider" TEXT NOT NULL,
    "model" TEXT NOT NULL,
    "error" JSONB,
    "response" JSONB,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "modified_at" TIMESTAMPTZ(3) NOT NULL,
    "started_at" TIMESTAMPTZ(3),
    "finished_at" TIMESTAMPTZ(3),
    "deadline_at" TIMESTAMPTZ(3) NOT NULL,
    "cancel_requested_at" TIMESTAMPTZ(3),
    "images_deleted_at" TIMESTAMPTZ(3),
    "lease_owner" TEXT,
    "lease_epoch" INTEGER NOT NULL DEFAULT 0,
    "lease_until" TIMESTAMPTZ(3),
    "last_sequence" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "operation_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "operation_source" (
    "operation_id" UUID NOT NULL,
    "role" "ImageRole" NOT NULL,
    "position" INTEGER NOT NULL,
    "image_id" UUID NOT NULL,

    CONSTRAINT "operation_source_pkey" PRIMARY KEY ("operation_id","role","position")
);

-- CreateTable
CREATE TABLE "attempt" (
    "id" UUID NOT NULL,
    "operation_id" UUID NOT NULL,
    "number" INTEGER NOT NULL,
    "state" "AttemptState" NOT NULL DEFAULT 'PREPARED',
    "provider" TEXT NOT NULL,
    "model" TEXT NOT NULL,
    "lease_epoch" INTEGER NOT NULL,
    "upstream_request_id" TEXT,
    "upstream_operation_ids" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "http_status" INTEGER,
    "failure" JSONB,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "sent_at" TIMESTAMPTZ(3),
    "responded_at" TIMESTAMPTZ(3),
    "settled_at" TIMESTAMPTZ(3),

    CONSTRAINT "attempt_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "operation_event" (
    "operation_id" UUID NOT NULL,
    "sequence" INTEGER NOT NULL,
    "type" TEXT NOT NULL,
    "status" "OperationStatus" NOT NULL,
    "stage" TEXT NOT NULL,
    "payload" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "operation_event_pkey" PRIMARY KEY ("operation_id","sequence")
);

-- CreateTable
CREATE TABLE "image" (
    "id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "operation_id" UUID NOT NULL,
    "role" "ImageRole" NOT NULL,
    "position" INTEGER NOT NULL,
    "storage_key" TEXT NOT NULL,
    "sha256" TEXT NOT NULL,
    "mime_type" TEXT NOT NULL,
    "width" INTEGER NOT NULL,
    "height" INTEGER NOT NULL,
    "byte_size" INTEGER NOT NULL,
    "has_alpha" BOOLEAN NOT NULL,
    "thumb_hash" TEXT,
    "revised_prompt" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "image_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "usage_record" (
    "operation_id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "end_user" TEXT,
    "provider" TEXT NOT NULL,
    "model" TEXT NOT NULL,
    "kind" "OperationKind" NOT NULL,
    "images" INTEGER NOT NULL,
    "input_tokens" BIGINT NOT NULL,
    "output_tokens" BIGINT NOT NULL,
    "total_tokens" BIGINT NOT NULL,
    "input_text_tokens" BIGINT NOT NULL,
    "input_image_tokens" BIGINT NOT NULL,
    "output_text_tokens" BIGINT NOT NULL,
    "output_image_tokens" BIGINT NOT NULL,
    "estimated" BOOLEAN NOT NULL,
    "cost_micros" BIGINT,
    "currency" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "usage_record_pkey" PRIMARY KEY ("operation_id")
);

-- CreateTable
CREATE TABLE "usage_day" (
    "user_id" UUID NOT NULL,
    "day" DATE NOT NULL,
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

    CONSTRAINT "usage_day_pkey" PRIMARY KEY ("user_id","day","provider","model","kind","currency")
);

-- CreateTable
CREATE TABLE "budget" (
    "id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "period" "BudgetPeriod" NOT NULL,
    "unit" "BudgetUnit" NOT NULL,
    "limit" BIGINT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "budget_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "spending" (
    "user_id" UUID NOT NULL,
    "period" "BudgetPeriod" NOT NULL,
    "window_start" DATE NOT NULL,
    "tokens_used" BIGINT NOT NULL DEFAULT 0,
    "tokens_reserved" BIGINT NOT NULL DEFAULT 0,
    "cost_used_micros" BIGINT NOT NULL DEFAULT 0,
    "cost_reserved_micros" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "spending_pkey" PRIMARY KEY ("user_id","period","window_start")
);

-- CreateTable
CREATE TABLE "ledger_entry" (
    "operation_id" UUID NOT NULL,
    "kind" "LedgerEntryKind" NOT NULL,
    "number" INTEGER NOT NULL,
    "user_id" UUID NOT NULL,
    "day" DATE NOT NULL,
    "tokens" BIGINT NOT NULL,
    "cost_micros" BIGINT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "ledger_entry_pkey" PRIMARY KEY ("operation_id","kind","number")
);

-- CreateIndex
CREATE UNIQUE INDEX "user_external_id_key" ON "user"("external_id");

-- CreateIndex
CREATE UNIQUE INDEX "api_key_hash_key" ON "api_key"("hash");

-- CreateIndex
CREATE INDEX "api_key_user_id_idx" ON "api_key"("user_id");

-- CreateIndex
CREATE INDEX "operation_user_id_id_idx" ON "operation"("user_id", "id" DESC);

-- CreateIndex
CREATE INDEX "operation_status_lease_until_idx" ON "operation"("status", "lease_until");

-- CreateIndex
CREATE INDEX "operation_finished_at_idx" ON "operation"("finished_at");

-- CreateIndex
CREATE UNIQUE INDEX "operation_user_id_kind_request_id_key" ON "operation"("user_id", "kind", "request_id");

-- CreateIndex
CREATE INDEX "operation_source_image_id_idx" ON "operation_source"("image_id");

-- CreateIndex
CREATE UNIQUE INDEX "attempt_operation_id_number_key" ON "attempt"("operation_id", "number");

-- CreateIndex
CREATE INDEX "image_user_id_created_at_idx" ON "image"("user_id", "created_at");

-- CreateIndex
CREATE UNIQUE INDEX "image_operation_id_role_position_key" ON "image"("operation_id", "role", "position");

-- CreateIndex
CREATE INDEX "usage_record_user_id_created_at_idx" ON "usage_record"("user_id", "created_at");

-- CreateIndex
CREATE INDEX "usage_record_created_at_idx" ON "usage_record"("created_at");

-- CreateIndex
CREATE INDEX "usage_day_day_idx" ON "usage_day"("day");

-- CreateIndex
CREATE UNIQUE INDEX "budget_user_id_period_unit_key" ON "budget"("user_id", "period", "unit");

-- CreateIndex
CREATE INDEX "ledger_entry_user_id_day_idx" ON "ledger_entry"("user_id", "day");

-- AddForeignKey
ALTER TABLE "api_key" ADD CONSTRAINT "api_key_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "operation" ADD CONSTRAINT "operation_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "operation_source" ADD CONSTRAINT "operation_source_operation_id_fkey" FOREIGN KEY ("operation_id") REFERENCES "operation"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "attempt" ADD CONSTRAINT "attempt_operation_id_fkey" FOREIGN KEY ("operation_id") REFERENCES "operation"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "operation_event" ADD CONSTRAINT "operation_event_operation_id_fkey" FOREIGN KEY ("operation_id") REFERENCES "operation"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "image" ADD CONSTRAINT "image_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "image" ADD CONSTRAINT "image_operation_id_fkey" FOREIGN KEY ("operation_id") REFERENCES "operation"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "usage_record" ADD CONSTRAINT "usage_record_operation_id_fkey" FOREIGN KEY ("operation_id") REFERENCES "operation"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "usage_record" ADD CONSTRAINT "usage_record_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "budget" ADD CONSTRAINT "budget_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
