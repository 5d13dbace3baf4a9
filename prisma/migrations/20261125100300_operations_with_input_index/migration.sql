-- CreateIndex
CREATE INDEX CONCURRENTLY "operation_with_input_idx" ON "operation"("finished_at", "id") WHERE (fingerprint <> ''::text);
