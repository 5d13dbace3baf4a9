-- CreateIndex
CREATE INDEX CONCURRENTLY "operation_queued_idx" ON "operation"("turn") WHERE (status = 'QUEUED'::"OperationStatus");
