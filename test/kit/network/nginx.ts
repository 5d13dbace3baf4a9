import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { freePort } from './free-port.ts'

/** A balancer as the README sets one up, on a port of its own. */
export interface Nginx {
  readonly url: string
  close(): Promise<void>
}

/** The program, or null. With CI=true it must be there. */
export function findNginx(): string | null {
  const folders = ['/usr/sbin', ...(process.env.PATH ?? '').split(delimiter)]
  const found = folders.map((folder) => join(folder, 'nginx')).find((path) => existsSync(path))
  if (!found && process.env.CI === 'true') throw new Error('CI runs these tests behind nginx: install it')
  if (!found) console.warn('No nginx here: the tests that need a balancer are skipped')
  return found ?? null
}

/** `site` is an upstream and a server as the README shows them; the addresses in it become these ports. */
export async function startNginx(options: { ports: number[]; site: string }): Promise<Nginx> {
  const program = findNginx()
  if (!program) throw new Error('There is no nginx here')
  const folder = await mkdtemp(join(tmpdir(), 'easel-nginx-'))
  const port = await freePort()
  const file = join(folder, 'nginx.conf')
  await writeFile(file, printConfig({ ...options, folder, port }))
  const server = spawn(program, ['-c', file, '-p', folder, '-e', 'stderr'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const output: string[] = []
  createInterface({ input: server.stderr }).on('line', (line) => output.push(line))
  const exited = once(server, 'exit')
  process.once('exit', () => server.kill('SIGKILL'))
  await untilListening(port, server, output)
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      server.kill('SIGTERM')
      await exited
      await rm(folder, { recursive: true, force: true })
    },
  }
}

interface Placed {
  ports: number[]
  site: string
  folder: string
  port: number
}

function printConfig({ ports, site, folder, port }: Placed): string {
  const left = [...ports]
  const placed = site
    .replace(/server [\d.]+:\d+/g, () => `server 127.0.0.1:${left.shift()}`)
    .replace(/listen \d+;/, `listen 127.0.0.1:${port};`)
  if (left.length > 0) throw new Error('The site has fewer servers than there are')
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  )
  return `
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
events { worker_connections 256; }
http {
  access_log off;
  ${places.join('\n  ')}
  ${placed}
}`
}

/** nginx says nothing when it is ready; its port does. */
async function untilListening(port: number, server: ChildProcess, output: string[]): Promise<void> {
  while (server.exitCode === null) {
    const socket = connect({ port, host: '127.0.0.1' })
    const connected = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'close').then(() => false),
    ]).catch(() => false)
    socket.destroy()
    if (connected) return
  }
  throw new Error(`nginx ended with ${server.exitCode}:\n${output.join('\n')}`)
}
