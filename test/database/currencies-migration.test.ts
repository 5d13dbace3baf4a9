import { readFileSync } from 'node:fs'
import { PGlite } from '@electric-sql/pglite'
import { dataDir as prepopulatedFolder } from '@electric-sql/pglite-prepopulatedfs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { migrationFiles } from '../../prisma/migration-diff.ts'

/*
 * Users from before budgets had a currency: one who paid in roubles alone, one who paid in both, one who never paid.
 */

const id = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`
const [roubles, both, nobody] = [id(1), id(2), id(3)]

let database: PGlite
beforeAll(async () => {
  database = new PGlite({ loadDataDir: await prepopulatedFolder() })
  const files = migrationFiles()
  const own = files.findIndex((file) => file.includes('_currencies/'))
  for (const file of files.slice(0, own)) await database.exec(readFileSync(file, 'utf8'))
  await database.exec(`
    INSERT INTO "user" (id, name) VALUES ('${roubles}', 'Ada'), ('${both}', 'Bob'), ('${nobody}', 'Eve');
    INSERT INTO budget (id, user_id, period, unit, "limit")
    SELECT gen_random_uuid(), u.id, 'TOTAL', unit, 5 FROM "user" u, unnest('{MONEY,TOKENS}'::"BudgetUnit"[]) AS unit;
    INSERT INTO ledger_entry (operation_id, kind, number, user_id, day, tokens, cost_micros, currency) VALUES
      ('${id(11)}', 'RESERVE', 0, '${roubles}', '2026-05-30', 1, 3000000, 'RUB'),
      ('${id(11)}', 'CAPTURE', 0, '${roubles}', '2026-05-30', 1, 2200000, 'RUB'),
      ('${id(11)}', 'RELEASE', 0, '${roubles}', '2026-05-30', 0, 800000, 'RUB'),
      ('${id(12)}', 'RESERVE', 0, '${roubles}', '2026-05-31', 1, 1000000, 'RUB'),
      ('${id(13)}', 'RESERVE', 0, '${both}', '2026-05-31', 1, 40000, 'USD'),
      ('${id(14)}', 'RESERVE', 0, '${both}', '2026-05-31', 1, 2200000, 'RUB')`)
  for (const file of files.slice(own)) await database.exec(readFileSync(file, 'utf8'))
})
afterAll(() => database.close())

test('a budget of before counts the one currency that its user paid in, or else US dollars', async () => {
  const { rows } = await database.query('SELECT user_id, unit, currency FROM budget ORDER BY user_id, unit')
  expect(rows).toEqual(
    [
      [roubles, 'RUB'],
      [both, 'USD'],
      [nobody, 'USD'],
    ].flatMap(([user_id, currency]) => [
      { user_id, unit: 'TOKENS', currency: null },
      { user_id, unit: 'MONEY', currency },
    ]),
  )
})

test('what was used and is still reserved is found again by currency', async () => {
  const { rows } = await database.query<Record<string, unknown>>(`
    SELECT user_id, period, currency, used_micros::int AS used, reserved_micros::int AS reserved FROM money_spending
     WHERE period <> 'DAY' ORDER BY user_id, currency, period`)
  const ofUser = (user_id: string, currency: string, used: number, reserved: number) =>
    ['MONTH', 'TOTAL'].map((period) => ({ user_id, period, currency, used, reserved }))
  expect(rows).toEqual([
    ...ofUser(roubles, 'RUB', 2_200_000, 1_000_000),
    ...ofUser(both, 'RUB', 0, 2_200_000),
    ...ofUser(both, 'USD', 0, 40_000),
  ])
})
