-- CreateIndex
CREATE INDEX CONCURRENTLY "image_partial_idx" ON "image"("created_at", "id") WHERE (role = 'PARTIAL'::"ImageRole");
