/**
 * 20,000 finished operations over 120 days, as retention leaves them with its defaults: partial images for a day, images
 * for 30 days, prompts and attempts for 90. Every tenth uses an image of the operation before it. And 2,000 edits that failed over the same
 * time, whose sources are gone, and 150 of the last hour, whose sources are not.
 */
export const historySql = `
  INSERT INTO "user" (id, name) SELECT md5('u' || g)::uuid, 'user ' || g FROM generate_series(1, 20) g;
  CREATE TEMP TABLE past AS
    SELECT g, md5('o' || g)::uuid AS id, md5('u' || (1 + g % 20))::uuid AS user_id,
           now() - (120.0 * (20000 - g) / 20000) * interval '1 day' AS at
      FROM generate_series(1, 20000) g;
  INSERT INTO operation (id, kind, status, stage, user_id, request_id, fingerprint, input, provider, model, created_at,
                         modified_at, finished_at, deadline_at, images_deleted_at, last_sequence)
    SELECT id, 'GENERATE', 'SUCCEEDED', 'SUCCEEDED', user_id,
           CASE WHEN at > now() - interval '90 days' THEN 'request ' || g END,
           CASE WHEN at > now() - interval '90 days' THEN md5('f' || g) ELSE '' END,
           CASE WHEN at > now() - interval '90 days'
                THEN jsonb_build_object('prompt', CASE WHEN g % 2 = 0 THEN 'a rose' END, 'n', 1) ELSE '{"n": 1}' END,
           'paid', 'gpt-image-2', at, at, at, at, CASE WHEN at < now() - interval '30 days' THEN at END, 4
      FROM past;
  INSERT INTO operation_event (operation_id, sequence, type, status, stage, payload, created_at)
    SELECT id, e, 'operation.status', 'SUCCEEDED', 'X',
           jsonb_build_object('kind', CASE e WHEN 2 THEN 'partialImage' WHEN 3 THEN 'image' ELSE 'status' END), at
      FROM past, generate_series(1, 4) e WHERE at > now() - interval '90 days' OR e = 4;
  INSERT INTO attempt (id, operation_id, number, state, provider, model, lease_epoch, created_at)
    SELECT md5('a' || g)::uuid, id, 1, 'SETTLED', 'paid', 'gpt-image-2', 1, at
      FROM past WHERE at > now() - interval '90 days';
  INSERT INTO image (id, user_id, operation_id, role, position, storage_key, sha256, mime_type, width, height, byte_size,
                     has_alpha, created_at)
    SELECT md5(r || 'i' || g)::uuid, user_id, id, r::"ImageRole", 0, id || '/' || md5(r || g) || md5(g || r) || '.png',
           '', 'image/png', 8, 8, 8, false, at
      FROM past, unnest(ARRAY['RESULT', 'PARTIAL']) r
     WHERE id IN (SELECT id FROM operation WHERE images_deleted_at IS NULL) AND (r = 'RESULT' OR at > now() - interval '1 day');
  INSERT INTO operation_source (operation_id, role, position, image_id)
    SELECT id, 'INPUT', 0, md5('RESULTi' || g - 1)::uuid FROM past WHERE g % 10 = 0 AND at > now() - interval '90 days';
  INSERT INTO ledger_entry (operation_id, kind, number, user_id, day, tokens, cost_micros, created_at)
    SELECT id, k::"LedgerEntryKind", 0, user_id, at::date, 100, 100, at
      FROM past, unnest(ARRAY['RESERVE', 'CAPTURE', 'RELEASE']) k;
  INSERT INTO usage_record (operation_id, user_id, provider, model, kind, images, input_tokens, output_tokens,
                            total_tokens, input_text_tokens, input_image_tokens, output_text_tokens,
                            output_image_tokens, estimated, cost_micros, currency, created_at)
    SELECT id, user_id, 'paid', 'gpt-image-2', 'GENERATE', 1, 30, 100, 130, 10, 20, 0, 100, false, 100, 'USD', at
      FROM past;
  DROP TABLE past;
  CREATE TEMP TABLE failed AS
    SELECT g, md5('e' || g)::uuid AS id, md5('u' || (1 + g % 20))::uuid AS user_id,
           now() - CASE WHEN g <= 2000 THEN interval '1 hour' + (120.0 * (2000 - g) / 2000) * interval '1 day'
                        ELSE (g - 2000) * interval '20 seconds' END AS at
      FROM generate_series(1, 2150) g;
  INSERT INTO operation (id, kind, status, stage, user_id, fingerprint, input, provider, model, created_at,
                         modified_at, finished_at, deadline_at, images_deleted_at, error, last_sequence)
    SELECT id, 'EDIT', 'FAILED', 'FAILED', user_id,
           CASE WHEN at > now() - interval '90 days' THEN md5('f' || g) ELSE '' END, '{"n": 1}',
           'paid', 'gpt-image-2', at, at, at, at, CASE WHEN g <= 2000 THEN at END, '{}', 1
      FROM failed;
  INSERT INTO operation_event (operation_id, sequence, type, status, stage, payload, created_at)
    SELECT id, 1, 'operation.status', 'FAILED', 'X', '{"kind": "status"}', at FROM failed;
  INSERT INTO image (id, user_id, operation_id, role, position, storage_key, sha256, mime_type, width, height, byte_size,
                     has_alpha, created_at)
    SELECT md5('fi' || g)::uuid, user_id, id, 'INPUT', 0, id || '/' || md5('fi' || g) || md5('if' || g) || '.png',
           '', 'image/png', 8, 8, 8, false, at
      FROM failed WHERE g > 2000;
  INSERT INTO operation_source (operation_id, role, position, image_id)
    SELECT id, 'INPUT', 0, md5('fi' || g)::uuid FROM failed WHERE g > 2000;
  INSERT INTO ledger_entry (operation_id, kind, number, user_id, day, tokens, cost_micros, created_at)
    SELECT id, k::"LedgerEntryKind", 0, user_id, at::date, 100, 100, at
      FROM failed, unnest(ARRAY['RESERVE', 'RELEASE']) k;
  DROP TABLE failed;
  ANALYZE`
