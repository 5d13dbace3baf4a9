-- CreateTable
CREATE TABLE "end_check" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "finished_at" TIMESTAMPTZ(3) NOT NULL,
    "operation_id" UUID NOT NULL,

    CONSTRAINT "end_check_pkey" PRIMARY KEY ("id")
);
