-- CreateIndex
CREATE INDEX CONCURRENTLY "operation_unfinished_idx" ON "operation"("user_id", "turn") WHERE (finished_at IS NULL);
