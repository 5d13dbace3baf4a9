import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { chown, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

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

/** Starts an empty server in a temporary folder, or answers null where PostgreSQL is not installed. */
export async function startPostgres(): Promise<PostgresServer | null> {
  const programs = findPostgres()
  if (!programs) return null
  const account = await findAccount()
  const folder = await mkdtemp(join(tmpdir(), 'easel-postgres-'))
  if (account.uid !== undefined) await chown(folder, account.uid, account.gid ?? account.uid)
  const arguments_ = ['-D', folder, '-U', 'easel', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync']
  await run(join(programs, 'initdb'), arguments_, { ...account, cwd: folder })
  const port = await findPort()
  const start = () => startServer({ program: join(programs, 'postgres'), folder, port, account })
  let server = await start()
  return {
    url: `postgresql://easel@127.0.0.1:${port}/postgres`,
    folder,
    crash: () => end(server, 'SIGQUIT'),
    shutDown: () => end(server, 'SIGINT'),
    restart: async () => {
      server = await start()
    },
    freeze: () => signalAll(server, 'SIGSTOP'),
    thaw: () => signalAll(server, 'SIGCONT'),
    stop: async () => {
      await endAfterClients(server)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** PostgreSQL refuses to run as root, so there it runs as one of the accounts that own nothing. */
async function findAccount(): Promise<Account> {
  if (process.getuid?.() !== 0) return {}
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'))
  const line = lines.find(([name]) => name === 'postgres') ?? lines.find(([name]) => name === 'nobody')
  if (!line) throw new Error('PostgreSQL does not run as root, and there is no other account')
  return { uid: Number(line[2]), gid: Number(line[3]) }
}

/** Free on the loopback at this moment. */
export async function findPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (!address || typeof address === 'string') throw new Error('No port was given')
  return address.port
}

interface Start {
  program: string
  folder: string
  port: number
  account: Account
}

async function startServer({ program, folder, port, account }: Start): Promise<ChildProcess> {
  const settings = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'fsync=off',
    'max_connections=200',
  ]
  const options = settings.flatMap((setting) => ['-c', setting])
  const server = spawn(program, ['-D', folder, '-p', String(port), ...options], {
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
