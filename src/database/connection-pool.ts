import pg from 'pg'

/**
 * Time limits of connections. The server's limits are the shorter ones: a statement that the server ended has certainly
 * had no effect, and its connection can be used again. A statement that only this process gave up on may still take
 * effect, so its connection is closed.
 */
export interface DatabaseTimeouts {
  /** Until a connection is free, and a transaction has begun on it. */
  poolWaitMs: number
  /** Until a lock of another transaction is free (`lock_timeout`). */
  lockMs: number
  /** A statement as a whole (`statement_timeout`). */
  statementMs: number
  /** A transaction from its first statement to its last, as long as this process drives it. Above `statementMs`. */
  transactionMs: number
  /** The client's own limit for a statement, for a server or a network that hangs. Above the server's limits. */
  queryMs: number
  /** A transaction without statements: its process is frozen while its locks block others. */
  idleTransactionMs: number
}

export const databaseTimeouts: DatabaseTimeouts = {
  poolWaitMs: 5_000,
  lockMs: 4_000,
  statementMs: 8_000,
  transactionMs: 10_000,
  queryMs: 30_000,
  idleTransactionMs: 15_000,
}

export interface ConnectionPoolOptions {
  connection: pg.PoolConfig
  size: number
  timeouts: DatabaseTimeouts
  onError: (error: Error) => void
}

/**
 * A connection that breaks between two users has no listener, and Node ends the process for an error without one. The
 * next user of the connection gets the error all the same.
 */
class Connection extends pg.Client {
  constructor(config?: string | pg.ClientConfig) {
    super(config)
    this.on('error', () => {})
  }
}

/**
 * pg's own `query` closes the connection at any error, even one that the server answers as a matter of course, and a new
 * connection costs the server a process.
 */
class Pool extends pg.Pool {
  override query = (async (...statement: Parameters<pg.Client['query']>) => {
    const client = await this.connect()
    try {
      const result = await client.query(...statement)
      client.release()
      return result
    } catch (error) {
      client.release(!isAnswer(error))
      throw error
    }
  }) as pg.Pool['query']
}

/** The limits of every connection, as options of the server and the driver. */
export function connectionRules({ lockMs, statementMs, queryMs, idleTransactionMs }: DatabaseTimeouts) {
  return {
    Client: Connection,
    lock_timeout: lockMs,
    statement_timeout: statementMs,
    query_timeout: queryMs,
    idle_in_transaction_session_timeout: idleTransactionMs,
  }
}

/**
 * A pool that takes a connection back only when the server has reported that no transaction is open on it. pg drops a
 * ROLLBACK that times out while it waits for another statement; the next user's BEGIN would then only warn, and its
 * COMMIT would commit the statements of the transaction before.
 */
export function createConnectionPool({
  connection,
  size,
  timeouts,
  onError,
}: ConnectionPoolOptions): pg.Pool {
  const pool = new Pool({
    ...connection,
    max: size,
    connectionTimeoutMillis: timeouts.poolWaitMs,
    application_name: 'easel',
    keepAlive: true,
    ...connectionRules(timeouts),
  })
  pool.on('error', onError)
  // The pool removes a connection that has been told to end.
  pool.on('release', (_error, client) => {
    if (isInTransaction(client)) client.end().catch(onError)
  })
  return pool
}

/** By the server's last word on this connection: `T` is an open transaction, `E` a failed one. */
function isInTransaction(client: pg.PoolClient): boolean {
  return ['T', 'E'].includes(client.getTransactionStatus() ?? '')
}

/** The server answered with an error of this statement's own: the connection is as good as before. */
function isAnswer(error: unknown): boolean {
  return error instanceof pg.DatabaseError && !ofConnection.test(error.code ?? '')
}

/** SQLSTATE classes that say something of the connection or the server: it is ending, broken, full or at fault. */
const ofConnection = /^$|^(08|25P|53|57P|58|F0|XX)/
