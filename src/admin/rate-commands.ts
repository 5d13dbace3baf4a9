import { type AdminAction, showList } from './admin-context.ts'
import { AdminError, exitCodes } from './admin-error.ts'
import { findUserId, readUsers } from './users.ts'

interface Limits {
  requestsPerMinute: number | null
  imagesPerMinute: number | null
  tokensPerMinute: number | null
  concurrentOperations: number | null
}

interface Key {
  id: string
  name: string
  prefix: string
  revokedAt: string | null
  rateLimits: Limits
}

interface LimitedUser {
  id: string
  name: string
  rateLimits: Limits
  apiKeys: Key[]
}

type Row = Limits & {
  user: { id: string; name: string }
  key: Pick<Key, 'id' | 'name' | 'prefix'> | null
}

const limitFields = 'rateLimits { requestsPerMinute imagesPerMinute tokensPerMinute concurrentOperations }'
const userFields = `id name ${limitFields} apiKeys { id name prefix revokedAt ${limitFields} }`

const columns = {
  user: (row: Row) => row.user.name,
  key: (row: Row) => row.key && `${row.key.name} ${row.key.prefix}…`,
  'requests a minute': (row: Row) => row.requestsPerMinute,
  'images a minute': (row: Row) => row.imagesPerMinute,
  'tokens a minute': (row: Row) => row.tokensPerMinute,
  'operations at once': (row: Row) => row.concurrentOperations,
}

/** A row for each user, and one for each working key that has limits of its own. */
function toRows(users: LimitedUser[]): Row[] {
  return users.flatMap(({ id, name, rateLimits, apiKeys }) => {
    const user = { id, name }
    const limited = apiKeys.filter((key) => key.revokedAt === null && isLimited(key.rateLimits))
    return [
      { user, key: null, ...rateLimits },
      ...limited.map((key) => ({
        user,
        key: { id: key.id, name: key.name, prefix: key.prefix },
        ...key.rateLimits,
      })),
    ]
  })
}

function isLimited(limits: Limits): boolean {
  return Object.values(limits).some((limit) => limit !== null)
}

export const listRates: AdminAction<[options: { user?: string }]> = async (context, { user }) => {
  const rows = toRows(await readUsers<LimitedUser>(context.gateway, userFields, user))
  showList(context, { rows, columns })
}

export interface RateOptions extends Partial<Record<keyof Limits, number | 'default'>> {
  user?: string
  apiKey?: string
}

export const setRates: AdminAction<[options: RateOptions]> = async (context, options) => {
  const { user, apiKey, ...limits } = options
  checkOwner(options)
  const set = Object.entries(limits).map(([name, limit]) => [name, limit === 'default' ? null : limit])
  if (set.length === 0)
    throw new AdminError('Say which rate: --images-per-minute, for example.', exitCodes.misused)
  const owner =
    user === undefined ? { apiKeyId: apiKey } : { userId: await findUserId(context.gateway, user) }
  const document = `mutation SetRateLimits($input: SetRateLimitsInput!) {
    setRateLimits(input: $input) { ${userFields} } }`
  const input = { ...owner, ...Object.fromEntries(set) }
  const { setRateLimits } = await context.gateway.query<{ setRateLimits: LimitedUser }>(document, { input })
  showList(context, { rows: toRows([setRateLimits]), columns })
}

function checkOwner({ user, apiKey }: RateOptions): void {
  if ((user === undefined) !== (apiKey === undefined)) return
  throw new AdminError('Say whose rates: either --user or --api-key.', exitCodes.misused)
}
