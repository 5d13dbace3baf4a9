-- AlterTable
ALTER TABLE "ledger_entry" ADD COLUMN     "currency" TEXT NOT NULL DEFAULT 'USD';

-- CreateIndex
CREATE INDEX "ledger_entry_kind_created_at_idx" ON "ledger_entry"("kind", "created_at");
