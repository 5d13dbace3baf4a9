import { type AdminAction, showList } from './admin-context.ts'
import { findUserId } from './users.ts'

interface Entry {
  at: string
  action: string
  actor: { id: string; name: string }
  actorKey: { id: string; name: string; prefix: string } | null
  user: { id: string; name: string } | null
  key: { id: string; name: string; prefix: string } | null
  details: Record<string, unknown>
}

interface Page {
  auditLog: { edges: { node: Entry }[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } }
}

export interface AuditOptions {
  user?: string
  action?: string
  last: string
}

const document = `query AuditLog($userId: ID, $action: AuditAction, $first: Int, $after: String) {
  auditLog(userId: $userId, action: $action, first: $first, after: $after) {
    edges { node { at action details actor { id name } actorKey { id name prefix } user { id name } key { id name prefix } } }
    pageInfo { hasNextPage endCursor } } }`

const pageSize = 100

/** The newest acts on users, keys and budgets, the newest first. */
export const listAudit: AdminAction<[options: AuditOptions]> = async (context, { user, action, last }) => {
  const filter = {
    userId: user && (await findUserId(context.gateway, user)),
    action: action?.toUpperCase().replaceAll('-', '_'),
  }
  const rows: Entry[] = []
  let after: string | null = null
  do {
    const first = Math.min(pageSize, Number(last) - rows.length)
    const { auditLog }: Page = await context.gateway.query<Page>(document, { ...filter, first, after })
    rows.push(...auditLog.edges.map(({ node }) => node))
    after = auditLog.pageInfo.hasNextPage ? auditLog.pageInfo.endCursor : null
  } while (after !== null && rows.length < Number(last))
  showList(context, {
    rows,
    columns: {
      at: (entry) => entry.at,
      who: (entry) => entry.actor.name,
      with: (entry) => entry.actorKey && `${entry.actorKey.prefix}…`,
      what: (entry) => entry.action,
      whom: (entry) => entry.user?.name ?? null,
      key: (entry) => entry.key && `${entry.key.prefix}…`,
      details: (entry) => JSON.stringify(entry.details),
    },
  })
}
