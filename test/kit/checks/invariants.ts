import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { PrismaClient } from '../../../src/database/database.ts'
import { until } from '../until.ts'
import type { PaidCall } from '../upstream/exchange.ts'

/** What must never show up in a log, an answer or an event. */
export const canaries = ['sk-canary-5f1d0c', 'canary-database-password', 'canary-url-secret-77']

export interface Scene extends Books {
  prisma: PrismaClient
}

/** What is known outside the database. */
export interface Books {
  /** The provider's books; null where the upstream is not one that keeps them. */
  provider: { calls: readonly PaidCall[] } | null
  /** Every gateway's data folder. */
  folders: string[]
  /** Everything that was logged. */
  output: string[]
  /** Only the operations that were accepted since a moment, as `Date.now()` tells it, and only what belongs to them. */
  since?: number
  /** How many images of one prompt the upstream may charge; more than one only where it can tell them apart. */
  maxPaid?: number
}

/** What holds after every case, once every operation has had the time to end. */
export async function checkInvariants(scene: Scene): Promise<void> {
  // An operation that is under way ends, and the files of one that has just ended go. What does not is told below.
  await until(() => isSettled(scene)).catch(() => {})
  const operations = await load(scene)
  checkPaid(scene, operations)
  await checkLedger(scene.prisma)
  checkBooked(scene, operations)
  await checkReserved(scene.prisma)
  for (const operation of operations) {
    checkEnd(operation)
    checkImages(scene, operation)
  }
  checkLeftovers(scene)
  checkSecrets(scene, operations)
}

const acceptedSince = ({ since = 0 }: Scene) => ({ createdAt: { gte: new Date(since) } })

async function isSettled(scene: Scene): Promise<boolean> {
  const running = { finishedAt: null, ...acceptedSince(scene) }
  return (
    (await scene.prisma.operation.count({ where: running })) === 0 && leftovers(scene.folders).length === 0
  )
}

async function load(scene: Scene) {
  const { prisma } = scene
  const results = { images: { where: { role: 'RESULT' } } } as const
  const operations = await prisma.operation.findMany({
    where: acceptedSince(scene),
    include: { attempts: true, events: true, ...results },
  })
  const entries = Map.groupBy(await prisma.ledgerEntry.findMany(), ({ operationId }) => operationId)
  return operations.map((each) => ({ ...each, ledger: entries.get(each.id)?.map(({ kind }) => kind) ?? [] }))
}

type Operations = Awaited<ReturnType<typeof load>>

/** I1: nothing is paid twice, and nothing that was paid for is unknown to the ledger. */
function checkPaid({ provider, maxPaid = 1 }: Scene, operations: Operations): void {
  if (!provider) return
  const operationOf = new Map(operations.flatMap(({ id, attempts }) => attempts.map((each) => [each.id, id])))
  const paid = Map.groupBy(
    provider.calls.filter((call) => call.paid),
    ({ attemptId }) => operationOf.get(attemptId),
  )
  for (const [operation, calls] of paid) {
    assert.ok(operation, `I1: the paid attempt ${calls[0]?.attemptId} belongs to no operation`)
    assert.ok(calls.length <= maxPaid, `I1: ${operation} was paid ${calls.length} times`)
  }
}

/** I2: the equations of the ledger, and no window beyond its budget. */
export async function checkLedger(prisma: PrismaClient): Promise<void> {
  const wrong = await prisma.$queryRaw`
    WITH entry AS (
      SELECT user_id, sum(tokens) FILTER (WHERE kind = 'RESERVE') AS reserved,
             coalesce(sum(tokens) FILTER (WHERE kind = 'CAPTURE'), 0) AS captured,
             coalesce(sum(tokens) FILTER (WHERE kind = 'RELEASE'), 0) AS released
        FROM ledger_entry GROUP BY user_id)
    SELECT s.user_id, s.tokens_used, s.tokens_reserved, entry.*
      FROM spending s JOIN entry USING (user_id)
     WHERE s.period = 'TOTAL' AND NOT (
           s.tokens_used = entry.captured AND s.tokens_reserved = entry.reserved - entry.captured - entry.released)`
  assert.deepEqual(wrong, [], 'I2: spending says what the ledger says')
  const wrongMoney = await prisma.$queryRaw`
    WITH entry AS (
      SELECT l.user_id, b.key AS currency,
             coalesce(sum(b.value::bigint) FILTER (WHERE l.kind = 'CAPTURE'), 0) AS used,
             coalesce(sum(b.value::bigint) FILTER (WHERE l.kind = 'RESERVE' AND r.operation_id IS NULL), 0) AS reserved
        FROM ledger_entry l CROSS JOIN LATERAL jsonb_each_text(l.booked) b
        LEFT JOIN ledger_entry r ON r.operation_id = l.operation_id AND r.kind = 'RELEASE'
       GROUP BY 1, 2)
    SELECT user_id, currency, entry.used, entry.reserved, m.used_micros, m.reserved_micros
      FROM (SELECT * FROM money_spending WHERE period = 'TOTAL') m FULL JOIN entry USING (user_id, currency)
     WHERE (m.used_micros, m.reserved_micros) IS DISTINCT FROM (entry.used, entry.reserved)`
  assert.deepEqual(wrongMoney, [], 'I2: spending of money says what the ledger says, in every currency')
  const negative = await prisma.$queryRaw`
    SELECT user_id FROM spending WHERE tokens_used < 0 OR tokens_reserved < 0
     UNION ALL SELECT user_id FROM money_spending WHERE used_micros < 0 OR reserved_micros < 0`
  assert.deepEqual(negative, [], 'I2: nothing is below zero')
  const unsettled = await prisma.$queryRaw`
    SELECT o.id, o.status, array_agg(l.kind::text ORDER BY l.kind) AS kinds
      FROM operation o LEFT JOIN ledger_entry l ON l.operation_id = o.id
     GROUP BY o.id
    HAVING CASE WHEN o.finished_at IS NULL THEN count(l.kind) <> 1
                WHEN o.status = 'SUCCEEDED'
                THEN NOT array_agg(l.kind::text) @> ARRAY['RESERVE', 'CAPTURE', 'RELEASE']
                ELSE NOT array_agg(l.kind::text) @> ARRAY['RESERVE', 'RELEASE']
                  OR count(*) FILTER (WHERE l.kind = 'CAPTURE') > 0
           END`
  assert.deepEqual(unsettled, [], 'I2: every operation settles once')
  const usage = await prisma.$queryRaw`
    SELECT l.operation_id FROM ledger_entry l LEFT JOIN usage_record u USING (operation_id)
     WHERE l.kind = 'CAPTURE' AND u.total_tokens IS DISTINCT FROM l.tokens`
  assert.deepEqual(usage, [], 'I2: what was captured is what was used')
}

/** I2: when every operation has ended no budget holds anything for one. */
async function checkReserved(prisma: PrismaClient): Promise<void> {
  const reserved = await prisma.$queryRaw`
    SELECT user_id, period, tokens_reserved FROM spending WHERE tokens_reserved <> 0
     UNION ALL SELECT user_id, period, reserved_micros FROM money_spending WHERE reserved_micros <> 0`
  assert.deepEqual(reserved, [], 'I2: nothing is reserved any more')
}

/** I2: whoever paid the provider has it in the books: the user for images, the house for the rest. */
function checkBooked({ provider }: Scene, operations: Operations): void {
  if (!provider) return
  const paid = new Set(provider.calls.filter((call) => call.paid).map(({ attemptId }) => attemptId))
  for (const { id, status, attempts, ledger, response } of operations) {
    const wasPaid = attempts.some((attempt) => paid.has(attempt.id))
    const isBooked = ledger.some((kind) => kind === 'CAPTURE' || kind === 'PROVIDER_LOSS')
    if (wasPaid) assert.ok(isBooked, `I2: ${id} (${status}) was paid for and is in no book`)
    const isLost = ledger.includes('PROVIDER_LOSS')
    if (hasUnknown(response))
      assert.ok(isLost, `I2: nobody pays for what ${id} may have cost beside its images`)
  }
}

function hasUnknown(response: unknown): boolean {
  const { failures } = (response ?? { failures: [] }) as { failures: { failure: { reason: string } }[] }
  return failures.some(({ failure }) => failure.reason === 'UPSTREAM_OUTCOME_UNKNOWN')
}

/** I3: an operation ends once, and its events say so without a gap. */
function checkEnd(operation: Operations[number]): void {
  const { id, status, stage, finishedAt, lastSequence, events, attempts, error, response, leaseOwner } =
    operation
  assert.ok(finishedAt, `I3: ${id} has not ended (${status}, ${stage})`)
  const sequences = events.map(({ sequence }) => sequence).sort((a, b) => a - b)
  const gapless = Array.from({ length: lastSequence }, (_, at) => at + 1)
  assert.deepEqual(sequences, gapless, `I3: the events of ${id}`)
  const ends = events.filter((event) => event.type === 'operation.status' && event.status === status)
  assert.equal(ends.length, 1, `I3: how often ${id} ended`)
  assert.equal([error, response].filter((each) => each !== null).length, 1, `I3: ${id} has one result`)
  const open = attempts.filter(({ state }) => !['SETTLED', 'ABANDONED'].includes(state))
  assert.deepEqual(open, [], `I3: the attempts of ${id}`)
  assert.equal(leaseOwner, null, `I4: ${id} is nobody's`)
}

/** I3: what succeeded has its images, and the store has each of them, until they are due to go. */
function checkImages({ folders }: Scene, { id, status, imagesDeletedAt, images }: Operations[number]): void {
  if (status !== 'SUCCEEDED' || imagesDeletedAt) return
  assert.ok(images.length > 0, `I3: ${id} succeeded without an image`)
  for (const { storageKey } of folders.length > 0 ? images : []) {
    const isKept = folders.some((folder) => existsSync(join(folder, 'images', storageKey)))
    assert.ok(isKept, `I3: the image ${storageKey} of ${id} is not in the store`)
  }
}

/** I4: nothing is left on the disk that belongs to a piece of work. */
function checkLeftovers({ folders }: Scene): void {
  assert.deepEqual(leftovers(folders), [], 'I4: files of a piece of work')
}

function leftovers(folders: string[]): string[] {
  const places = folders.flatMap((folder) => ['spool', 'staging'].map((name) => join(folder, name)))
  return places.flatMap((place) =>
    existsSync(place) ? readdirSync(place).map((name) => join(place, name)) : [],
  )
}

/** I5: neither a secret nor a prompt is in what was logged, nor a secret in what callers see. */
function checkSecrets({ output }: Scene, operations: Operations): void {
  const log = output.join('\n')
  const shown = JSON.stringify(operations.map(({ error, response, events }) => ({ error, response, events })))
  for (const canary of canaries) {
    assert.ok(!log.includes(canary), 'I5: a secret in the log')
    assert.ok(!shown.includes(canary), 'I5: a secret in an answer')
  }
  for (const { input } of operations) {
    const { prompt } = input as { prompt?: string | null }
    if (prompt && prompt.length > 10)
      assert.ok(!log.includes(prompt), `I5: the prompt "${prompt}" in the log`)
  }
  assert.doesNotMatch(log, /unhandledRejection|uncaughtException|UnhandledPromiseRejection/, 'I6')
}
