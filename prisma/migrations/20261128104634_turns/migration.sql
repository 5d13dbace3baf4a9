-- AlterTable
ALTER TABLE "operation" ADD COLUMN     "turn" INTEGER NOT NULL DEFAULT 0;

-- The users take turns (start-time fair queueing): an operation comes after those of its user that are not done, and not
-- before the one whose turn it is now. So whoever has one operation waits for one of each other user, and not for all.
CREATE FUNCTION next_turn(of_user uuid) RETURNS int LANGUAGE sql STABLE AS $$
  SELECT greatest(
    (SELECT max(turn) + 1 FROM operation WHERE user_id = of_user AND finished_at IS NULL),
    (SELECT min(turn) FROM operation WHERE status = 'QUEUED'),
    1)
$$;

-- Raises EB002 where a user has as many unfinished operations as it may have. The lock makes many requests at once count
-- each other's operations, since each statement of a function sees what others have committed by then.
CREATE FUNCTION take_place(of_user uuid, most int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF most IS NULL THEN
    RETURN;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended(of_user::text, 0));
  IF (SELECT count(*) FROM (SELECT FROM operation WHERE user_id = of_user AND finished_at IS NULL LIMIT most + 1) unfinished) > most THEN
    RAISE EXCEPTION 'The user has too many unfinished operations' USING ERRCODE = 'EB002';
  END IF;
END $$;

-- Runs the statement by which the queue makes a job, whose one value is a list of one job as JSON. The lowest turn is taken first.
CREATE FUNCTION send_job(statement text, job text, turn int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE statement USING jsonb_set(job::jsonb, '{0,priority}', to_jsonb(-turn))::text;
END $$;
