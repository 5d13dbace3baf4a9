-- CreateTable
CREATE TABLE "storage_owner" (
    "id" INTEGER NOT NULL DEFAULT 1 CHECK ("id" = 1),
    "database_id" UUID NOT NULL,
    "generation" UUID,
    "next_generation" UUID,
    "swept_at" TIMESTAMPTZ(3),
    "sweep_started_at" TIMESTAMPTZ(3),
    "sweep_cursor" TEXT,
    "held_at" TIMESTAMPTZ(3),
    "known_until" TIMESTAMPTZ(3),
    "lease_owner" TEXT,
    "lease_until" TIMESTAMPTZ(3),

    CONSTRAINT "storage_owner_pkey" PRIMARY KEY ("id")
);

-- A copy of the database by dump and restore keeps its id: it owns the same images.
INSERT INTO "storage_owner" ("database_id") VALUES (gen_random_uuid());
