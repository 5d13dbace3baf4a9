-- A transition of an operation is one statement. What has to see more than the moment at which that statement began stands in
-- a function: each statement of a function sees what others have committed by then.

-- Reserves the most that an operation may take, in the user's three windows, or raises EB001 where a budget does not hold
-- it. The user's TOTAL row is the lock: who holds it may write the other windows, so that nobody waits in a circle.
CREATE FUNCTION reserve_spending(
  of_operation uuid, of_user uuid, of_day date, of_month date, of_total date, more_tokens bigint, more_micros bigint, in_currency text
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO spending (user_id, period, window_start)
  VALUES (of_user, 'TOTAL', of_total), (of_user, 'MONTH', of_month), (of_user, 'DAY', of_day)
  ON CONFLICT DO NOTHING;
  PERFORM FROM spending WHERE user_id = of_user AND period = 'TOTAL' AND window_start = of_total FOR UPDATE;
  UPDATE spending
     SET tokens_reserved = tokens_reserved + more_tokens,
         cost_reserved_micros = cost_reserved_micros + more_micros
   WHERE user_id = of_user
     AND window_start = CASE period WHEN 'DAY' THEN of_day WHEN 'MONTH' THEN of_month ELSE of_total END
     AND NOT EXISTS (
       SELECT FROM budget b
         JOIN spending s ON s.user_id = b.user_id AND s.period = b.period
          AND s.window_start = CASE s.period WHEN 'DAY' THEN of_day WHEN 'MONTH' THEN of_month ELSE of_total END
        WHERE b.user_id = of_user
          AND CASE b.unit
                WHEN 'TOKENS' THEN more_tokens > 0 AND s.tokens_used + s.tokens_reserved + more_tokens > b."limit"
                ELSE more_micros > 0 AND s.cost_used_micros + s.cost_reserved_micros + more_micros > b."limit" END);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'A budget does not hold this operation' USING ERRCODE = 'EB001';
  END IF;
  INSERT INTO ledger_entry (operation_id, kind, number, user_id, day, tokens, cost_micros, currency)
  VALUES (of_operation, 'RESERVE', 0, of_user, of_day, more_tokens, more_micros, in_currency);
END $$;

-- Runs the statement by which the queue makes a job, whose one value is the job as JSON.
CREATE FUNCTION send_job(statement text, job text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE statement USING job;
END $$;

-- The attempts of an operation as they are once its row is locked, which may be later than the statement's beginning.
CREATE FUNCTION attempts_of(of_operation uuid) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RETURN (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
             'id', id, 'number', number, 'state', state, 'provider', provider, 'model', model, 'spoolId', spool_id,
             'upstreamOperationIds', upstream_operation_ids, 'upstreamJobs', upstream_jobs, 'upstreamRequestId', upstream_request_id,
             'httpStatus', http_status, 'failure', failure) ORDER BY number), '[]')
      FROM attempt WHERE operation_id = of_operation);
END $$;
