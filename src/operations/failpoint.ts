/**
 * The gaps between the commits of an operation's life, in their order, and one in the life of the process. In production nobody listens; a test stops the
 * process in one of them and looks at what the next start makes of it.
 */
export type FailpointName =
  /** Files are stored, nothing is committed. */
  | 'accepting'
  /** Committed, the caller does not know yet. */
  | 'accepted'
  | 'claimed'
  | 'prepared'
  /** SENT is committed, no byte has left. */
  | 'sent'
  /** The request's files are being sent. */
  | 'sending'
  /** A look-up dialect's own operation is known. */
  | 'submitted'
  /** The head of the reply is there. */
  | 'replying'
  /** The reply is whole and synced in the spool. */
  | 'spooled'
  | 'responded'
  /** An image lies in the store, no row names it. */
  | 'stored'
  /** Everything of the last transaction is written, not committed. */
  | 'finishing'
  /** The operation has ended, the spool file is still there. */
  | 'finished'
  /** A stop is announced, and everything is still taken. */
  | 'announced'

export type Failpoint = (name: FailpointName) => void | Promise<void>
