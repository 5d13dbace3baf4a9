-- CreateTable
CREATE TABLE "storage_use" (
    "user_id" UUID NOT NULL,
    "images" BIGINT NOT NULL,
    "bytes" BIGINT NOT NULL,

    CONSTRAINT "storage_use_pkey" PRIMARY KEY ("user_id")
);

-- What each user has of images is counted with every statement that writes their rows, whoever it is. Rows of several users
-- are always locked in the same order.
CREATE FUNCTION count_storage_use() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO storage_use AS s (user_id, images, bytes)
    SELECT user_id, count(*), sum(byte_size) FROM added GROUP BY user_id ORDER BY user_id
    ON CONFLICT (user_id) DO UPDATE SET images = s.images + EXCLUDED.images, bytes = s.bytes + EXCLUDED.bytes;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO storage_use AS s (user_id, images, bytes)
    SELECT user_id, -count(*), -sum(byte_size) FROM removed GROUP BY user_id ORDER BY user_id
    ON CONFLICT (user_id) DO UPDATE SET images = s.images + EXCLUDED.images, bytes = s.bytes + EXCLUDED.bytes;
  ELSE
    INSERT INTO storage_use AS s (user_id, images, bytes)
    SELECT user_id, 0, sum(size)
      FROM (SELECT user_id, byte_size AS size FROM added UNION ALL SELECT user_id, -byte_size FROM removed) changed
     GROUP BY user_id HAVING sum(size) <> 0 ORDER BY user_id
    ON CONFLICT (user_id) DO UPDATE SET bytes = s.bytes + EXCLUDED.bytes;
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER image_added AFTER INSERT ON "image"
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_storage_use();
CREATE TRIGGER image_removed AFTER DELETE ON "image"
  REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION count_storage_use();
CREATE TRIGGER image_changed AFTER UPDATE ON "image"
  REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_storage_use();

-- The triggers hold off other writers until this transaction has ended.
INSERT INTO storage_use (user_id, images, bytes)
SELECT user_id, count(*), sum(byte_size) FROM "image" GROUP BY user_id;
