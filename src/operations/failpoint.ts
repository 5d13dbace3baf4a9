/**
 * The gaps between the commits of an operation's life, in their order, and one in the life of the process. Only tests
 * listen: they stop the process in a gap and check what the next start does.
 */
export type FailpointName =
  /** Files are stored, nothing is committed. */
  | 'accepting'
  /** The operation is committed; the caller has no answer yet. */
  | 'accepted'
  | 'claimed'
  | 'prepared'
  /** SENT is committed, no byte has left. */
  | 'sent'
  /** The request's files are being sent. */
  | 'sending'
  /** The upstream has accepted a job, and its handle is committed. */
  | 'submitted'
  /** The head of the reply is there. */
  | 'replying'
  /** The reply is whole and synced in the spool. */
  | 'spooled'
  | 'responded'
  /** An image lies in the store, no row names it. */
  | 'stored'
  /** The statements of the last transaction have run; it is not committed. */
  | 'finishing'
  /** The operation has ended, the spool files are still there. */
  | 'finished'
  /** A stop is announced; requests are still accepted. */
  | 'announced'

export type Failpoint = (name: FailpointName) => void | Promise<void>
