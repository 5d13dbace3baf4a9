-- CreateIndex
CREATE INDEX CONCURRENTLY "operation_made_nothing_idx" ON "operation"("finished_at", "id") WHERE ((images_deleted_at IS NULL) AND (error IS NOT NULL));
