import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { chown, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import pg from 'pg'
import { freePort } from '../network/free-port.ts'
import { prepareFolder } from './prepared-folder.ts'
import { fillDatabase } from './prepared-server.ts'

/** A PostgreSQL server of this test's own, over TCP on the loopback address only. */
export interface PostgresServer {
  readonly url: string
  readonly folder: string
  /** Dies as by a power cut: connections break, nothing is written any more. */
  crash(): Promise<void>
  /** Ends as for an upgrade: transactions are rolled back, and each client is told that the server shuts down. */
  shutDown(): Promise<void>
  /** Comes back on the same address after either. */
  restart(): Promise<void>
  /** Stops all its processes where they are: connections stay open, and nothing is answered. */
  freeze(): void
  thaw(): void
  /** Ends it and removes its folder. */
  stop(): Promise<void>
}

interface Account {
  uid?: number
  gid?: number
}

const run = promisify(execFile)
const leaveMs = 5_000
/** The database that servers are prepared with. */
export const filledDatabase = 'easel'
const clusterArguments = [
  ...['-U', 'easel', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'],
  // Smaller to copy.
  '--wal-segsize=1',
]
const packageFolders = ['18', '17', '16', '15', '14'].map((version) => `/usr/lib/postgresql/${version}/bin`)

/** The folder of the server's programs, or null. With CI=true they must be there. */
export function findPostgres(): string | null {
  const folders = [...packageFolders, ...(process.env.PATH ?? '').split(delimiter)]
  const found = folders.find((folder) =>
    ['initdb', 'postgres'].every((name) => existsSync(join(folder, name))),
  )
  if (!found && process.env.CI === 'true')
    throw new Error('CI runs these tests on a PostgreSQL server: install one')
  if (!found) console.warn('No PostgreSQL server programs here: the tests that need a server are skipped')
  return found ?? null
}

/**
 * Starts a server in a temporary folder, or answers null where PostgreSQL is not installed. Its database is as the first
 * start of a gateway leaves it.
 */
export async function startPostgres(): Promise<PostgresServer | null> {
  const programs = findPostgres()
  if (!programs) return null
  const account = await findAccount()
  const prepared = await prepareCluster(programs, account)
  const folder = await mkdtemp(join(tmpdir(), 'easel-postgres-'))
  // With the owner of everything.
  await run('cp', ['-a', `${prepared}/.`, folder])
  return openCluster({ programs, folder, account })
}

/** Of the same server. */
export function urlOf(url: string, database: string): string {
  return Object.assign(new URL(url), { pathname: database }).href
}

let prepared: Promise<string> | undefined

function prepareCluster(programs: string, account: Account): Promise<string> {
  prepared ??= run(join(programs, 'postgres'), ['--version']).then(({ stdout: version }) =>
    prepareFolder({
      name: 'postgres',
      facts: [version, ...clusterArguments],
      make: (folder) => makeCluster({ programs, folder, account }),
    }),
  )
  return prepared
}

async function makeCluster(cluster: Cluster): Promise<void> {
  const { programs, folder, account } = cluster
  if (account.uid !== undefined) await chown(folder, account.uid, account.gid ?? account.uid)
  await run(join(programs, 'initdb'), ['-D', folder, ...clusterArguments], { ...account, cwd: folder })
  const { server, url } = await startCluster(cluster)
  try {
    const client = new pg.Client(urlOf(url, 'postgres'))
    await client.connect()
    await client.query(`CREATE DATABASE ${filledDatabase}`)
    await client.end()
    await fillDatabase(url)
  } finally {
    await endAfterClients(server)
  }
}

interface Cluster {
  programs: string
  folder: string
  account: Account
}

async function openCluster(cluster: Cluster): Promise<PostgresServer> {
  const { folder } = cluster
  const { url, port, ...started } = await startCluster(cluster)
  let { server } = started
  return {
    url,
    folder,
    crash: () => end(server, 'SIGQUIT'),
    shutDown: () => end(server, 'SIGINT'),
    restart: async () => {
      server = await startServer(cluster, port)
    },
    freeze: () => signalAll(server, 'SIGSTOP'),
    thaw: () => signalAll(server, 'SIGCONT'),
    stop: async () => {
      await endAfterClients(server)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function startCluster(cluster: Cluster): Promise<{ server: ChildProcess; url: string; port: number }> {
  const port = await freePort()
  const server = await startServer(cluster, port)
  return { server, url: `postgresql://easel@127.0.0.1:${port}/${filledDatabase}`, port }
}

/** PostgreSQL refuses to run as root, so there it runs as one of the accounts that own nothing. */
async function findAccount(): Promise<Account> {
  if (process.getuid?.() !== 0) return {}
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'))
  const line = lines.find(([name]) => name === 'postgres') ?? lines.find(([name]) => name === 'nobody')
  if (!line) throw new Error('PostgreSQL does not run as root, and there is no other account')
  return { uid: Number(line[2]), gid: Number(line[3]) }
}

async function startServer({ programs, folder, account }: Cluster, port: number): Promise<ChildProcess> {
  const settings = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'fsync=off',
    'max_connections=200',
  ]
  const options = settings.flatMap((setting) => ['-c', setting])
  const server = spawn(join(programs, 'postgres'), ['-D', folder, '-p', String(port), ...options], {
    ...account,
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  // A test run that is broken off must not leave a server behind.
  const kill = () => {
    server.kill('SIGQUIT')
    signalAll(server, 'SIGCONT')
  }
  process.once('exit', kill)
  server.once('exit', () => process.off('exit', kill))
  const said: string[] = []
  for await (const line of createInterface({ input: server.stderr })) {
    said.push(line)
    if (line.includes('ready to accept connections')) {
      server.stderr.resume()
      return server
    }
  }
  throw new Error(`PostgreSQL did not start:\n${said.join('\n')}`)
}

/**
 * Waits for the clients to leave: pg's pool says it has ended while its sockets are still saying goodbye, and a server
 * that cuts them off then makes an error nobody listens for. Somebody who never leaves is cut off.
 */
async function endAfterClients(server: ChildProcess): Promise<void> {
  const timer = setTimeout(() => server.kill('SIGINT'), leaveMs)
  await end(server, 'SIGTERM')
  clearTimeout(timer)
}

/** The server itself comes first: one that is stopped starts no further process. */
function signalAll(server: ChildProcess, signal: NodeJS.Signals): void {
  if (server.pid === undefined) return
  for (const pid of [server.pid, ...childrenOf(server.pid)]) {
    try {
      process.kill(pid, signal)
    } catch {
      // It has ended since it was listed.
    }
  }
}

function childrenOf(parent: number): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.map(Number).filter((pid) => parentOf(pid) === parent)
}

/** The fourth field of /proc/<pid>/stat; the second one is a name in brackets and may hold anything. */
function parentOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
  } catch {
    return null
  }
}

async function end(server: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return
  const exited = once(server, 'exit')
  server.kill(signal)
  // One that is frozen hears of it only when it wakes.
  signalAll(server, 'SIGCONT')
  await exited
}
