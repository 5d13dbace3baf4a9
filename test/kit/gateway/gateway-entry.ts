import { pino } from 'pino'
import type { FailpointName } from '../../../src/operations/failpoint.ts'
import { type Books, checkInvariants } from '../checks/invariants.ts'
import { type OperationStory, tellStories } from '../checks/story.ts'
import { readVitals, resetVitals, type Vitals } from '../checks/vitals.ts'
import type { GatewayOptions } from './gateway-options.ts'
import { openGateway } from './open-gateway.ts'

/*
 * The gateway as `src/main.ts` starts it, in a process that its test can stop in the gaps between commits. The test
 * arms one gap at a time over the IPC channel; the process says that it got there, and then dies or holds there.
 * It also answers what only it can know: what is in its embedded database, and how it is doing itself.
 */

export interface Armed {
  name: FailpointName
  /** How many times the gap is passed before. */
  skip: number
  /** HOLD: whoever comes by first waits there until told to go on; everybody else works. */
  how: 'SIGKILL' | 'HOLD'
}

export type ToGateway = { arm: Armed | null } | { goOn: true } | Question

export type Question =
  | { ask: 'vitals' }
  | { ask: 'invariants'; books: Books }
  | { ask: 'stories'; since: number }

export type FromGateway =
  | { listening: string }
  | { reached: FailpointName }
  | { vitals: Vitals }
  /** What does not hold, or null. */
  | { broken: string | null }
  | { stories: OperationStory[] }

const options = JSON.parse(process.argv[2] ?? '{}') as GatewayOptions & { folder: string }
let armed: Armed | null = null
let held = Promise.withResolvers<void>()

const tell = (message: FromGateway) => new Promise((resolve) => process.send?.(message, resolve))

async function failpoint(name: FailpointName): Promise<void> {
  if (armed?.name !== name) return
  if (armed.skip-- > 0) return
  const { how } = armed
  armed = null
  await tell({ reached: name })
  if (how === 'HOLD') return held.promise
  process.kill(process.pid, how)
  // Between the signal's sending and its effect nothing more may happen.
  await new Promise(() => {})
}

const log = pino({ level: 'debug' })

process.on('message', (message: ToGateway) => {
  if ('arm' in message) armed = message.arm
  else if ('goOn' in message) {
    held.resolve()
    held = Promise.withResolvers()
  } else if (message.ask === 'vitals') void tell({ vitals: readVitals(options.folder) })
  else if (message.ask === 'invariants') void findBroken(message.books).then((broken) => tell({ broken }))
  else void tellStories(app.database.prisma, message.since).then((stories) => tell({ stories }))
})
// The test went away: nobody is left to stop this process.
process.on('disconnect', () => process.exit(2))

const { app, url } = await openGateway(options, { log, failpoint })

async function findBroken(books: Books): Promise<string | null> {
  try {
    await checkInvariants({ prisma: app.database.prisma, ...books })
    return null
  } catch (error) {
    return (error as Error).message
  }
}

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

// Last: whoever hears it may ask for a stop at once.
resetVitals()
void tell({ listening: url })
