import { monitorEventLoopDelay } from 'node:perf_hooks'
import { pino } from 'pino'
import { createApp } from '../../src/app.ts'
import { parseConfig } from '../../src/config/config.ts'
import { readEnv } from '../../src/config/env.ts'
import type { FailpointName } from '../../src/operations/failpoint.ts'

/*
 * The gateway as `src/main.ts` starts it, in a process that its test can stop in the gaps between commits. The test
 * arms one gap at a time over the IPC channel; the process says that it got there, and then dies or freezes.
 */

export interface EntryOptions {
  env: Record<string, string>
  file: string
  /** Shorter lives and limits than a configuration file may ask for. */
  limits?: Record<string, number>
  retention?: Record<string, number>
}

export interface Armed {
  name: FailpointName
  /** How many times the gap is passed before. */
  skip: number
  how: 'SIGKILL' | 'SIGSTOP'
}

export type ToGateway = { arm: Armed | null } | { askLoopDelay: true }
export type FromGateway = { listening: string } | { reached: FailpointName } | { loopDelayMs: number }

const options = JSON.parse(process.argv[2] ?? '{}') as EntryOptions
let armed: Armed | null = null

const tell = (message: FromGateway) => new Promise((resolve) => process.send?.(message, resolve))

async function failpoint(name: FailpointName): Promise<void> {
  if (armed?.name !== name) return
  if (armed.skip-- > 0) return
  const { how } = armed
  armed = null
  await tell({ reached: name })
  process.kill(process.pid, how)
  // Between the signal's sending and its effect nothing more may happen.
  if (how === 'SIGKILL') await new Promise(() => {})
}

const { config, secrets } = parseConfig(readEnv({ EASEL_CONFIG: 'easel.yaml', ...options.env }), options.file)
Object.assign(config.limits, options.limits)
Object.assign(config.retention, options.retention)
const log = pino({ level: 'debug' })
const delays = monitorEventLoopDelay({ resolution: 10 })

process.on('message', (message: ToGateway) => {
  if ('arm' in message) armed = message.arm
  else void tell({ loopDelayMs: delays.percentile(99) / 1e6 })
})
// The test went away: nobody is left to stop this process.
process.on('disconnect', () => process.exit(2))

const app = await createApp({ config, secrets, log, failpoint })
app.server.listen(0, '127.0.0.1', () => {
  const address = app.server.address()
  if (typeof address !== 'object' || address === null) throw new Error('The gateway has no port')
  delays.enable()
  void tell({ listening: `http://127.0.0.1:${address.port}` })
})

let stopping = false
process.on('SIGTERM', () => {
  if (stopping) process.exit(1)
  stopping = true
  app.close().then(
    () => process.exit(0),
    (error) => {
      log.error({ err: error }, 'stopping failed')
      process.exit(1)
    },
  )
})
