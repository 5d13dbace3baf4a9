-- AlterTable
ALTER TABLE "api_key" ADD COLUMN     "expires_at" TIMESTAMPTZ(3),
ADD COLUMN     "made_with_id" UUID,
ADD COLUMN     "models" TEXT[] DEFAULT ARRAY[]::TEXT[],
ADD COLUMN     "revoked_with_id" UUID;

-- AlterTable
ALTER TABLE "operation" ADD COLUMN     "api_key_id" UUID;

-- AlterTable
ALTER TABLE "user" ADD COLUMN     "deleted_at" TIMESTAMPTZ(3),
ADD COLUMN     "disabled_at" TIMESTAMPTZ(3);

-- CreateTable
CREATE TABLE "audit_entry" (
    "id" UUID NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "action" TEXT NOT NULL,
    "actor_id" UUID NOT NULL,
    "actor_key_id" UUID,
    "user_id" UUID,
    "key_id" UUID,
    "details" JSONB NOT NULL,

    CONSTRAINT "audit_entry_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "audit_entry_actor_id_id_idx" ON "audit_entry"("actor_id", "id" DESC);

-- CreateIndex
CREATE INDEX "audit_entry_user_id_id_idx" ON "audit_entry"("user_id", "id" DESC);

-- CreateIndex
CREATE INDEX "audit_entry_action_id_idx" ON "audit_entry"("action", "id" DESC);

-- CreateIndex
CREATE INDEX "api_key_made_with_idx" ON "api_key"("made_with_id") WHERE (made_with_id IS NOT NULL);

-- CreateIndex
CREATE INDEX "api_key_revoked_with_idx" ON "api_key"("revoked_with_id") WHERE (revoked_with_id IS NOT NULL);

-- AddForeignKey
ALTER TABLE "api_key" ADD CONSTRAINT "api_key_made_with_id_fkey" FOREIGN KEY ("made_with_id") REFERENCES "api_key"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "api_key" ADD CONSTRAINT "api_key_revoked_with_id_fkey" FOREIGN KEY ("revoked_with_id") REFERENCES "api_key"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "audit_entry" ADD CONSTRAINT "audit_entry_actor_id_fkey" FOREIGN KEY ("actor_id") REFERENCES "user"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "audit_entry" ADD CONSTRAINT "audit_entry_actor_key_id_fkey" FOREIGN KEY ("actor_key_id") REFERENCES "api_key"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "audit_entry" ADD CONSTRAINT "audit_entry_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "audit_entry" ADD CONSTRAINT "audit_entry_key_id_fkey" FOREIGN KEY ("key_id") REFERENCES "api_key"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- What is in the audit log stays as it was written.
CREATE FUNCTION keep_audit_entries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'The audit log is only added to';
END $$;
CREATE TRIGGER audit_entry_is_kept BEFORE UPDATE OR DELETE ON audit_entry
  FOR EACH ROW EXECUTE FUNCTION keep_audit_entries();

-- Whether this user, and the key that was used, may still have something sent. Both rows stay locked until the caller's
-- transaction has ended: who takes access away waits for a request that is being marked as sent, or comes before it.
CREATE FUNCTION hold_access(of_user uuid, by_key uuid) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM "user" WHERE id = of_user AND disabled_at IS NULL FOR SHARE;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  IF by_key IS NULL THEN
    RETURN true;
  END IF;
  PERFORM FROM api_key WHERE id = by_key AND revoked_at IS NULL FOR SHARE;
  RETURN FOUND;
END $$;

-- The same without a lock, for who only looks.
CREATE FUNCTION has_access(of_user uuid, by_key uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM "user" WHERE id = of_user AND disabled_at IS NULL)
     AND (by_key IS NULL OR EXISTS (SELECT FROM api_key WHERE id = by_key AND revoked_at IS NULL))
$$;

-- The models that a key may use; none means all.
CREATE FUNCTION models_of_key(by_key uuid) RETURNS text[] LANGUAGE sql STABLE AS $$
  SELECT coalesce((SELECT models FROM api_key WHERE id = by_key), '{}')
$$;
