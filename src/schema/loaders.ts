import DataLoader from 'dataloader'
import type { Viewer } from '../accounts/viewer.ts'
import type { PrismaClient } from '../database/database.ts'
import type { Image, Operation } from '../database/generated/client.ts'
import type { Images, StorageUse } from '../images/images.ts'
import type { BudgetState } from '../usage/budget.ts'
import type { Usage } from '../usage/usage.ts'
import type { UsageReport, UsageRow } from '../usage/usage-report.ts'

/** Rows by id, one query for all that a document asks for at a time. */
export interface Loaders {
  image: DataLoader<string, Image | null>
  operation: DataLoader<string, Operation | null>
  thumbHash: DataLoader<Image, string | null, string>
  /** By user id. */
  budgets: DataLoader<string, BudgetState[]>
  /** By user id. */
  storageUse: DataLoader<string, StorageUse>
  /** The total usage of users between two moments. */
  usage: DataLoader<UsageKey, UsageReport, string>
}

interface LoaderSources {
  prisma: PrismaClient
  images: Pick<Images, 'thumbHashes' | 'storageUse'>
  usage: Usage
  viewer: Viewer
}

export interface UsageKey {
  userId: string
  from: Date
  to: Date
}

export function createLoaders({ prisma, images, usage, viewer }: LoaderSources): Loaders {
  return {
    image: byId((ids) => prisma.image.findMany({ where: { id: { in: ids } } })),
    // A row changes during a subscription, so no row is cached beyond one tick.
    operation: byId((ids) => prisma.operation.findMany({ where: { id: { in: ids } } }), { cache: false }),
    thumbHash: new DataLoader((rows) => images.thumbHashes(rows), { cacheKeyFn: ({ id }) => id }),
    budgets: new DataLoader(
      async (userIds) => {
        const budgets = await usage.budgets(userIds)
        return userIds.map((userId) => budgets.get(userId) ?? [])
      },
      { cache: false },
    ),
    storageUse: new DataLoader((userIds) => images.storageUse(userIds), { cache: false }),
    usage: new DataLoader((keys) => loadUsage({ usage, viewer }, keys), {
      cacheKeyFn: (key) => JSON.stringify(key),
    }),
  }
}

type UsageSources = Pick<LoaderSources, 'usage' | 'viewer'>

/** Loads one report for all users with the same range of time. */
async function loadUsage(sources: UsageSources, keys: readonly UsageKey[]): Promise<(UsageReport | Error)[]> {
  const totals = new Map<string, Map<string, UsageRow> | Error>()
  for (const [range, sameTime] of Map.groupBy(keys, rangeOf)) {
    // A range that is refused fails only the fields that asked for that range.
    totals.set(range, await loadTotals(sources, sameTime).catch((error: Error) => error))
  }
  return keys.map((key) => {
    const found = totals.get(rangeOf(key))
    return found instanceof Error
      ? found
      : { rows: [], total: found?.get(key.userId) ?? sources.usage.emptyRow() }
  })
}

/** By user id; a user without usage is missing. */
async function loadTotals(
  { usage, viewer }: UsageSources,
  sameTime: UsageKey[],
): Promise<Map<string, UsageRow>> {
  const [{ from, to }] = sameTime as [UsageKey]
  const userIds = sameTime.map(({ userId }) => userId)
  const { rows } = await usage.reportFor(viewer, { from, to, groupBy: ['USER'], filter: { userIds } })
  return new Map(rows.map((row) => [row.userId ?? '', { ...row, userId: null }]))
}

const rangeOf = ({ from, to }: UsageKey) => `${from.toISOString()} ${to.toISOString()}`

function byId<Row extends { id: string }>(
  find: (ids: string[]) => Promise<Row[]>,
  options?: { cache: boolean },
): DataLoader<string, Row | null> {
  return new DataLoader<string, Row | null>(async (ids) => {
    const rows = new Map((await find([...new Set(ids)])).map((row) => [row.id, row]))
    return ids.map((id) => rows.get(id) ?? null)
  }, options)
}
