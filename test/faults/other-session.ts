import pg from 'pg'

/** A session of somebody else on a gateway's PostgreSQL server: a migration, a forgotten psql, an administrator. */
export interface OtherSession {
  /** Begins a transaction that takes it, and keeps it. */
  lock(what: Lockable): Promise<void>
  /** Ends that transaction. */
  release(): Promise<void>
  /** How many sessions of gateways wait for a lock at the moment. */
  countWaiting(): Promise<number>
  /** The process ids of every session of a gateway. */
  listGatewaySessions(): Promise<number[]>
  /** Ends sessions from the server's side. */
  terminate(pids: readonly number[]): Promise<void>
  close(): Promise<void>
}

const locks = {
  /** The rows of the operations that are under way: the first that their ends write. */
  running: `SELECT id FROM operation WHERE status = 'RUNNING' FOR UPDATE`,
  /** What every user has spent: an end comes to it when it has written about half of what it writes. */
  spending: 'SELECT user_id FROM spending FOR UPDATE',
  /** The whole table, as a migration takes it that changes it. */
  operations: 'LOCK TABLE operation IN ACCESS EXCLUSIVE MODE',
}

export type Lockable = keyof typeof locks

const ofGateways = `datname = current_database() AND application_name LIKE 'easel%'`

export async function openOtherSession(url: string): Promise<OtherSession> {
  const client = new pg.Client({ connectionString: url, application_name: 'somebody else' })
  // A server that stops ends this session too; the next statement tells.
  client.on('error', () => {})
  await client.connect()
  const run = async (sql: string) => void (await client.query(sql))
  return {
    lock: (what) => run(`BEGIN; ${locks[what]}`),
    release: () => run('ROLLBACK'),
    countWaiting: async () => {
      const { rows } = await client.query<{ count: number }>(
        `SELECT count(*)::int FROM pg_stat_activity WHERE ${ofGateways} AND wait_event_type = 'Lock'`,
      )
      return rows[0]?.count ?? 0
    },
    listGatewaySessions: async () => {
      const { rows } = await client.query<{ pid: number }>(
        `SELECT pid FROM pg_stat_activity WHERE ${ofGateways} ORDER BY backend_start`,
      )
      return rows.map(({ pid }) => pid)
    },
    terminate: async (pids) => {
      await client.query('SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) pid', [pids])
    },
    close: () => client.end(),
  }
}
