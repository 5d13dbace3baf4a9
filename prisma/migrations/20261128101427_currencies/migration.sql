-- Budgets of money have a currency, and spending is kept by currency: amounts of two were added up as if they were one.

-- A budget counts the currency that its user has paid in so far. Where that is none, or more than one, it counts US dollars.
ALTER TABLE "budget" ADD COLUMN "currency" TEXT;
UPDATE budget SET currency = coalesce(
  (SELECT min(l.currency) FROM ledger_entry l
    WHERE l.user_id = budget.user_id AND l.cost_micros > 0 HAVING count(DISTINCT l.currency) = 1), 'USD')
 WHERE unit = 'MONEY';

ALTER TABLE "ledger_entry" ADD COLUMN "booked" JSONB NOT NULL DEFAULT '{}', ADD COLUMN "rates" JSONB NOT NULL DEFAULT '{}';
UPDATE ledger_entry l SET booked = jsonb_build_object(l.currency, l.cost_micros)
 WHERE l.cost_micros > 0 AND (l.kind = 'CAPTURE' OR l.kind = 'RESERVE' AND NOT EXISTS (
         SELECT FROM ledger_entry r WHERE r.operation_id = l.operation_id AND r.kind = 'RELEASE'));

CREATE TABLE "money_spending" (
    "user_id" UUID NOT NULL,
    "period" "BudgetPeriod" NOT NULL,
    "window_start" DATE NOT NULL,
    "currency" TEXT NOT NULL,
    "used_micros" BIGINT NOT NULL DEFAULT 0,
    "reserved_micros" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "money_spending_pkey" PRIMARY KEY ("user_id","period","window_start","currency")
);
INSERT INTO money_spending (user_id, period, window_start, currency, used_micros, reserved_micros)
SELECT l.user_id, w.period, w.window_start, l.currency,
       coalesce(sum(l.cost_micros) FILTER (WHERE l.kind = 'CAPTURE'), 0),
       coalesce(sum(l.cost_micros) FILTER (WHERE l.kind = 'RESERVE'), 0)
  FROM ledger_entry l
 CROSS JOIN LATERAL (VALUES ('DAY'::"BudgetPeriod", l.day), ('MONTH', date_trunc('month', l.day)::date), ('TOTAL', '1970-01-01'))
       AS w (period, window_start)
 WHERE l.booked <> '{}'
 GROUP BY 1, 2, 3, 4;
ALTER TABLE "spending" DROP COLUMN "cost_reserved_micros", DROP COLUMN "cost_used_micros";

-- An amount in its own currency and in each to which there is a rate, rounded up. Rates are decimals, written as texts:
-- { from: { to: rate } }.
CREATE FUNCTION money_in(paid_micros bigint, paid_in text, rates jsonb)
RETURNS TABLE (currency text, micros bigint) LANGUAGE sql IMMUTABLE AS $$
  SELECT paid_in, paid_micros
   UNION ALL
  SELECT r.key, ceil(paid_micros * r.value::numeric)::bigint FROM jsonb_each_text(rates -> paid_in) AS r
$$;

-- The most that an operation may cost, as { currency: micros }: in every currency into which the cost of each model that
-- may carry it out can be converted. Null: it is free. A cost without a currency is not known, so there is no most.
CREATE FUNCTION most_of(costs jsonb, rates jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  WITH cost AS (
    SELECT c.currency, c.micros FROM jsonb_to_recordset(costs) AS c (currency text, micros bigint)
     WHERE c.currency IS NULL OR c.micros > 0),
  most AS (
    SELECT m.currency, max(m.micros) AS micros FROM cost CROSS JOIN LATERAL money_in(cost.micros, cost.currency, rates) AS m
     WHERE cost.currency IS NOT NULL GROUP BY m.currency HAVING count(*) = (SELECT count(*) FROM cost))
  SELECT CASE WHEN EXISTS (SELECT FROM cost)
              THEN coalesce((SELECT jsonb_object_agg(most.currency, most.micros) FROM most), '{}') END
$$;

-- What an operation costs in the end, as { currency: micros }. Where that cannot be converted into a currency in which it
-- was reserved, and where the cost is not known, what was reserved counts.
CREATE FUNCTION money_used(reserved jsonb, paid_micros bigint, paid_in text, rates jsonb)
RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN paid_micros IS NULL THEN reserved
              WHEN paid_micros = 0 THEN '{}'
              ELSE reserved || (SELECT jsonb_object_agg(m.currency, m.micros) FROM money_in(paid_micros, paid_in, rates) AS m)
         END
$$;

-- Reserves the most that an operation may take, in the user's three windows, or raises EB001 where a budget does not hold
-- it, or where the most is not known in the budget's currency. The user's TOTAL row is the lock: who holds it may write the
-- other windows and those of money, so that nobody waits in a circle.
DROP FUNCTION reserve_spending(uuid, uuid, date, date, date, bigint, bigint, text);
CREATE FUNCTION reserve_spending(
  of_operation uuid, of_user uuid, of_day date, of_month date, of_total date, more_tokens bigint, costs jsonb, with_rates jsonb,
  more_micros bigint, in_currency text
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  more jsonb := most_of(costs, with_rates);
BEGIN
  INSERT INTO spending (user_id, period, window_start)
  VALUES (of_user, 'TOTAL', of_total), (of_user, 'MONTH', of_month), (of_user, 'DAY', of_day)
  ON CONFLICT DO NOTHING;
  PERFORM FROM spending WHERE user_id = of_user AND period = 'TOTAL' AND window_start = of_total FOR UPDATE;
  UPDATE spending
     SET tokens_reserved = tokens_reserved + more_tokens
   WHERE user_id = of_user
     AND window_start = CASE period WHEN 'DAY' THEN of_day WHEN 'MONTH' THEN of_month ELSE of_total END
     AND NOT EXISTS (
       SELECT FROM budget b
         JOIN spending s ON s.user_id = b.user_id AND s.period = b.period
          AND s.window_start = CASE s.period WHEN 'DAY' THEN of_day WHEN 'MONTH' THEN of_month ELSE of_total END
         LEFT JOIN money_spending m ON m.user_id = s.user_id AND m.period = s.period AND m.window_start = s.window_start
          AND m.currency = b.currency
        WHERE b.user_id = of_user
          AND CASE b.unit
                WHEN 'TOKENS' THEN more_tokens > 0 AND s.tokens_used + s.tokens_reserved + more_tokens > b."limit"
                ELSE more IS NOT NULL AND coalesce(
                  coalesce(m.used_micros + m.reserved_micros, 0) + (more ->> b.currency)::bigint > b."limit", true) END);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'A budget does not hold this operation' USING ERRCODE = 'EB001';
  END IF;
  INSERT INTO money_spending AS m (user_id, period, window_start, currency, reserved_micros)
  SELECT of_user, w.period, w.window_start, a.key, a.value::bigint
    FROM jsonb_each_text(more) AS a
   CROSS JOIN (VALUES ('TOTAL'::"BudgetPeriod", of_total), ('MONTH', of_month), ('DAY', of_day)) AS w (period, window_start)
  ON CONFLICT (user_id, period, window_start, currency)
  DO UPDATE SET reserved_micros = m.reserved_micros + EXCLUDED.reserved_micros;
  INSERT INTO ledger_entry (operation_id, kind, number, user_id, day, tokens, cost_micros, currency, booked, rates)
  VALUES (of_operation, 'RESERVE', 0, of_user, of_day, more_tokens, more_micros, in_currency, coalesce(more, '{}'), with_rates);
END $$;
