import { type AdminAction, showList } from './admin-context.ts'
import { AdminError, exitCodes } from './admin-error.ts'
import { parseMoney, printMoney } from './table.ts'
import { findUserId, readUsers } from './users.ts'

interface Budget {
  period: string
  unit: string
  currency: string | null
  limit: string
  used: string
  reserved: string
  remaining: string
  resetsAt: string | null
}

interface UserWithBudgets {
  id: string
  name: string
  budgets: Budget[]
}

type Row = Budget & { user: { id: string; name: string } }

const userFields = 'id name budgets { period unit currency limit used reserved remaining resetsAt }'

const amount = (name: 'limit' | 'used' | 'reserved' | 'remaining') => (row: Row) =>
  row.unit === 'MONEY' ? printMoney(row[name], row.currency ?? '') : row[name]

const columns = {
  user: (row: Row) => row.user.name,
  period: (row: Row) => row.period,
  unit: (row: Row) => row.unit,
  limit: amount('limit'),
  used: amount('used'),
  reserved: amount('reserved'),
  remaining: amount('remaining'),
  resets: (row: Row) => row.resetsAt,
}

const toRows = (users: UserWithBudgets[]): Row[] =>
  users.flatMap(({ id, name, budgets }) => budgets.map((budget) => ({ user: { id, name }, ...budget })))

export const listBudgets: AdminAction<[options: { user?: string }]> = async (context, { user }) => {
  const rows = toRows(await readUsers<UserWithBudgets>(context.gateway, userFields, user))
  showList(context, { rows, columns })
}

interface BudgetOptions {
  user: string
  period: string
  unit: string
  currency?: string
  limit: string
}

export const setBudget: AdminAction<[options: BudgetOptions]> = async (context, options) => {
  const { gateway } = context
  const unit = options.unit.toUpperCase()
  const limit = options.limit === 'none' ? null : parseLimit(options.limit, unit)
  const input = {
    userId: await findUserId(gateway, options.user),
    period: options.period.toUpperCase(),
    unit,
    currency: options.currency?.toUpperCase(),
    limit,
  }
  const document = `mutation SetBudget($input: SetBudgetInput!) { setBudget(input: $input) { ${userFields} } }`
  const { setBudget: user } = await gateway.query<{ setBudget: UserWithBudgets }>(document, { input })
  showList(context, { rows: toRows([user]), columns })
}

function parseLimit(text: string, unit: string): string {
  const limit = unit === 'MONEY' ? parseMoney(text) : /^\d{1,19}$/.exec(text)?.[0]
  if (limit) return limit
  const allowed = unit === 'MONEY' ? 'an amount such as 12.50' : 'a whole number of tokens'
  throw new AdminError(`--limit is ${allowed}, or none to take the budget away.`, exitCodes.misused)
}
