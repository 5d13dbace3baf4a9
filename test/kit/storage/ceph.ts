import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { freePort } from '../network/free-port.ts'

/** A real S3 server of this test's own: Ceph's object gateway over a one-node cluster in memory, on the loopback. */
export interface S3Server {
  readonly endpoint: string
  readonly credentials: { accessKeyId: string; secretAccessKey: string }
  /** Ends it and removes its folder. */
  stop(): Promise<void>
}

const run = promisify(execFile)
const programs = ['ceph', 'ceph-mon', 'ceph-osd', 'ceph-authtool', 'monmaptool', 'radosgw', 'radosgw-admin']
const startMs = 60_000
const leaveMs = 5_000
const credentials = { accessKeyId: 'easelkey', secretAccessKey: 'easelsecret' }

/** Whether Ceph's programs are here. With CI=true they must be. */
export function hasCeph(): boolean {
  const folders = (process.env.PATH ?? '').split(delimiter)
  const missing = programs.filter((name) => !folders.some((folder) => existsSync(join(folder, name))))
  if (missing.length > 0 && process.env.CI === 'true')
    throw new Error(`CI runs these tests on a real S3 server: install Ceph's ${missing.join(', ')}`)
  if (missing.length > 0) console.warn('No Ceph here: the tests that need a real S3 server are skipped')
  return missing.length === 0
}

/** Takes about ten seconds, or answers null where Ceph is not installed. */
export async function startCeph(): Promise<S3Server | null> {
  if (!hasCeph()) return null
  const folder = await mkdtemp(join(tmpdir(), 'easel-ceph-'))
  const daemons: ChildProcess[] = []
  const stop = async () => {
    for (const daemon of daemons.reverse()) await end(daemon)
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const port = await startCluster(folder, daemons)
    return { endpoint: `http://127.0.0.1:${port}`, credentials, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function startCluster(folder: string, daemons: ChildProcess[]): Promise<number> {
  const limit = AbortSignal.timeout(startMs)
  const [monitor, gateway, others] = [await freePort(), await freePort(), await freePort()]
  const cluster = randomUUID()
  const config = join(folder, 'ceph.conf')
  for (const name of ['mon', 'osd', 'rgw', 'run']) await mkdir(join(folder, name))
  await writeFile(config, describeCluster({ folder, cluster, monitor, gateway, others }))
  const call = (program: string, ...more: string[]) =>
    run(program, ['-c', config, ...more], { signal: limit })
  const daemon = (program: string, ...more: string[]) => {
    daemons.push(startDaemon(program, ['-c', config, '-f', ...more]))
  }

  const map = join(folder, 'monmap')
  await run('monmaptool', ['--create', '--addv', 'a', `[v2:127.0.0.1:${monitor}]`, '--fsid', cluster, map])
  await call('ceph-mon', '--mkfs', '-i', 'a', '--monmap', map)
  daemon('ceph-mon', '-i', 'a')
  const osd = randomUUID()
  await call('ceph', '--connect-timeout', '30', 'osd', 'new', osd, '0')
  await call('ceph-osd', '-i', '0', '--mkfs', '--osd-uuid', osd)
  daemon('ceph-osd', '-i', '0')
  const keyring = ['--create-keyring', join(folder, 'keyring'), '--gen-key', '-n', 'client.rgw.a']
  await run('ceph-authtool', [...keyring, '--cap', 'mon', 'allow rwx', '--cap', 'osd', 'allow rwx'])
  daemon('radosgw', '-n', 'client.rgw.a')
  await answers(`http://127.0.0.1:${gateway}/`, limit)
  const user = ['user', 'create', '--uid=easel', '--display-name=easel']
  const keys = [`--access-key=${credentials.accessKeyId}`, `--secret-key=${credentials.secretAccessKey}`]
  await call('radosgw-admin', ...user, ...keys)
  return gateway
}

interface Cluster {
  folder: string
  cluster: string
  monitor: number
  gateway: number
  /** The first of the ports that the rest may take. */
  others: number
}

/** One of each, nothing copied, nothing on a disk, nobody asks who it is. */
function describeCluster({ folder, cluster, monitor, gateway, others }: Cluster): string {
  const settings = {
    global: {
      fsid: cluster,
      'mon host': `[v2:127.0.0.1:${monitor}]`,
      'mon initial members': 'a',
      'auth cluster required': 'none',
      'auth service required': 'none',
      'auth client required': 'none',
      'ms mon client mode': 'crc',
      'ms mon service mode': 'crc',
      'ms mon cluster mode': 'crc',
      'ms bind port min': others,
      'ms bind port max': others + 100,
      'public addr': '127.0.0.1',
      'cluster addr': '127.0.0.1',
      'osd pool default size': 1,
      'osd pool default min size': 1,
      'osd pool default pg num': 1,
      'osd pool default pgp num': 1,
      'osd pool default pg autoscale mode': 'off',
      'osd crush chooseleaf type': 0,
      'osd objectstore': 'memstore',
      'mon allow pool size one': true,
      'mon max pg per osd': 1000,
      // A full disk of the machine is no business of a cluster that has none.
      'mon data avail crit': 1,
      'mon data avail warn': 1,
      'run dir': join(folder, 'run'),
      'log file': join(folder, '$name.log'),
      'admin socket': join(folder, 'run/$name.asok'),
      'pid file': join(folder, 'run/$name.pid'),
      keyring: join(folder, 'keyring'),
    },
    'mon.a': { 'mon data': join(folder, 'mon'), host: 'localhost' },
    'osd.0': { 'osd data': join(folder, 'osd'), host: 'localhost' },
    'client.rgw.a': {
      'rgw frontends': `beast endpoint=127.0.0.1:${gateway}`,
      'rgw data': join(folder, 'rgw'),
      'rgw thread pool size': 32,
      'rgw dns name': '127.0.0.1',
    },
  }
  return Object.entries(settings)
    .flatMap(([section, pairs]) => [
      `[${section}]`,
      ...Object.entries(pairs).map(([name, value]) => `${name} = ${value}`),
      '',
    ])
    .join('\n')
}

function startDaemon(program: string, more: string[]): ChildProcess {
  const daemon = spawn(program, more, { stdio: 'ignore' })
  // A test run that is broken off must not leave a server behind.
  const kill = () => daemon.kill('SIGKILL')
  process.once('exit', kill)
  daemon.once('exit', () => process.off('exit', kill))
  return daemon
}

async function answers(url: string, limit: AbortSignal): Promise<void> {
  while (!(await fetch(url, { signal: limit }).catch(() => null)))
    await pause(100, undefined, { signal: limit })
}

async function end(daemon: ChildProcess): Promise<void> {
  if (daemon.exitCode !== null || daemon.signalCode !== null) return
  const exited = once(daemon, 'exit')
  daemon.kill('SIGTERM')
  const timer = setTimeout(() => daemon.kill('SIGKILL'), leaveMs)
  await exited
  clearTimeout(timer)
}
