import { type ChildProcess, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { FailpointName } from '../../../src/operations/failpoint.ts'
import type { Books } from '../checks/invariants.ts'
import type { OperationStory } from '../checks/story.ts'
import type { Vitals } from '../checks/vitals.ts'
import { createGraphqlClient, type GraphqlClient } from '../client/graphql-client.ts'
import { waitMs } from '../limits.ts'
import type { Armed, FromGateway, Question, ToGateway } from './gateway-entry.ts'
import type { GatewayOptions } from './gateway-options.ts'
import { prepareGateway } from './prepared-gateway.ts'

/** A gateway in a process of its own, which can be killed, frozen and asked to leave. */
export interface GatewayProcess extends GraphqlClient {
  url: string
  pid: number
  /** Everything it wrote, as it wrote it. */
  output: string[]
  logged(message: string): Record<string, unknown>[]
  /** Resolves when a line with this message has been logged so many times. */
  untilLogged(message: string, times?: number): Promise<void>
  /** The process dies, freezes or holds when it next comes by; resolves when it got there. */
  arm(name: FailpointName, options?: ArmOptions): Promise<{ reached: Promise<void> }>
  disarm(): Promise<void>
  /** Whoever was held goes on. */
  goOn(): Promise<void>
  /** Since it was last asked. */
  vitals(): Promise<Vitals>
  /** What does not hold in its database and its folder, or null. */
  findBroken(books: Books): Promise<string | null>
  /** Of the operations that it accepted since a moment, as `Date.now()` tells it. */
  tellStories(since: number): Promise<OperationStory[]>
  freeze(): void
  thaw(): void
  /** Sends a signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<Exit>
  signal(signal: NodeJS.Signals): void
  readonly exited: Promise<Exit>
  hasExited(): boolean
}

export interface ArmOptions {
  /** How many times the gap is passed before. */
  skip?: number
  /** SIGSTOP: the process holds there and is frozen; once it is thawed it goes on. */
  how?: Armed['how'] | 'SIGSTOP'
}

export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
}

/** A gateway is started some hundred times: what it runs is compiled once. */
const compileCache = join(tmpdir(), 'easel-compile-cache')
/** The embedded database is compiled once, and not again for speed: its process does not live long enough for that. */
const shortLived = ['--liftoff-only']
/** For a bucket, where a test has one: the SDK reads them from the environment. */
const s3Keys = { AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret' }

const node = join(import.meta.dirname, '../../../node_modules/.bin/node')

export async function startGatewayProcess(
  options: GatewayOptions & { folder: string },
): Promise<GatewayProcess> {
  const entry = await prepareGateway()
  const child = spawn(node, [...shortLived, entry, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { PATH: process.env.PATH, NODE_ENV: 'test', NODE_COMPILE_CACHE: compileCache, ...s3Keys },
  })
  child.setMaxListeners(0)
  const output: string[] = []
  const lines = new EventEmitter().setMaxListeners(0)
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream as NodeJS.ReadableStream }).on('line', (line) => {
      output.push(line)
      lines.emit('line')
    })
  }
  // A test run that is broken off must not leave a frozen process behind.
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  child.once('exit', () => process.off('exit', kill))
  const exited = once(child, 'exit').then(([code, signal]): Exit => ({ code, signal }))
  const url = await listening(child, output)
  return describe({ child, url, output, lines, exited })
}

async function listening(child: ChildProcess, output: string[]): Promise<string> {
  const ready = new Promise<string>((resolve, reject) => {
    child.on('message', (message: FromGateway) => 'listening' in message && resolve(message.listening))
    child.once('exit', (code) => reject(new Error(`The gateway ended with ${code}:\n${output.join('\n')}`)))
  })
  return ready
}

interface Started {
  child: ChildProcess
  url: string
  output: string[]
  lines: EventEmitter
  exited: Promise<Exit>
}

function describe({ child, url, output, lines, exited }: Started): GatewayProcess {
  const tell = (message: ToGateway) => new Promise<void>((resolve) => child.send(message, () => resolve()))
  const logged = (message: string) =>
    output
      .filter((line) => line.startsWith('{') && line.includes(JSON.stringify(message)))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ msg }) => msg === message)
  /** Whoever waits for a word of a process that is gone is told so. What it said before comes first. */
  const heard = <T>(what: string, pick: (message: FromGateway) => T | undefined): Promise<T> => {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const fail = (why: string) => reject(new Error(`The gateway did not say "${what}": ${why}`))
    const listen = (message: FromGateway) => {
      const picked = pick(message)
      if (picked !== undefined) resolve(picked)
    }
    const onGone = () => fail('it is gone')
    if (child.connected) child.on('message', listen).once('disconnect', onGone)
    else onGone()
    const timer = setTimeout(fail, waitMs, `it was waited for ${waitMs} ms`).unref()
    return promise.finally(() => {
      clearTimeout(timer)
      child.off('message', listen).off('disconnect', onGone)
    })
  }
  const ask = <T>(question: Question, pick: (message: FromGateway) => T | undefined): Promise<T> => {
    const answer = heard(question.ask, pick)
    void tell(question)
    return answer
  }
  return {
    ...createGraphqlClient(url),
    url,
    pid: child.pid as number,
    output,
    logged,
    untilLogged: async (message, times = 1) => {
      const signal = AbortSignal.timeout(waitMs)
      while (logged(message).length < times) {
        await once(lines, 'line', { signal }).catch(() => {
          throw new Error(`"${message}" was not logged ${times} times within ${waitMs} ms`)
        })
      }
    },
    arm: async (name, { skip = 0, how = 'SIGKILL' } = {}) => {
      const came = heard(name, (message) =>
        'reached' in message && message.reached === name ? true : undefined,
      )
      const reached = came.then(async () => {
        if (how === 'SIGKILL') await exited
        if (how === 'SIGSTOP') child.kill('SIGSTOP')
      })
      // Not everybody who arms a gap waits for it.
      reached.catch(() => {})
      // A process that stopped itself would go a little further before it stands still.
      await tell({ arm: { name, skip, how: how === 'SIGSTOP' ? 'HOLD' : how } })
      return { reached }
    },
    disarm: () => tell({ arm: null }),
    goOn: () => tell({ goOn: true }),
    vitals: () => ask({ ask: 'vitals' }, (message) => ('vitals' in message ? message.vitals : undefined)),
    findBroken: (books) =>
      ask({ ask: 'invariants', books }, (message) => ('broken' in message ? message.broken : undefined)),
    tellStories: (since) =>
      ask({ ask: 'stories', since }, (message) => ('stories' in message ? message.stories : undefined)),
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => {
      child.kill('SIGCONT')
      void tell({ goOn: true })
    },
    signal: (signal) => void child.kill(signal),
    end: async (signal) => {
      child.kill(signal)
      // One that is frozen hears of it only when it wakes.
      child.kill('SIGCONT')
      return exited
    },
    exited,
    hasExited: () => child.exitCode !== null || child.signalCode !== null,
  }
}
