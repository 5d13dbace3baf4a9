-- CreateIndex
CREATE INDEX CONCURRENTLY "operation_with_images_idx" ON "operation"("finished_at", "id") WHERE (images_deleted_at IS NULL);
