import { setTimeout as pause } from 'node:timers/promises'
import type { PostgresServer } from '../kit/database/postgres.ts'
import type { GatewayProcess } from '../kit/gateway/gateway-process.ts'
import { type Lockable, type OtherSession, openOtherSession } from './other-session.ts'

/*
 * A stall is the other half of what can go wrong beside a kill: nothing ends, but something stands still for a while, and
 * then everybody goes on with what they believed before.
 */

/** What stands still, for how long, and for whom. */
export interface Stalled {
  gateway: Pick<GatewayProcess, 'freeze' | 'thaw'>
  postgres: Pick<PostgresServer, 'url' | 'freeze' | 'thaw'> | null
  ms: number
}

const onEither = {
  'gateway frozen': async ({ gateway, ms }) => {
    gateway.freeze()
    await pause(ms)
    gateway.thaw()
  },
} satisfies Record<string, Stall>

const onServer = {
  'server frozen': async ({ postgres, ms }) => {
    postgres?.freeze()
    await pause(ms)
    postgres?.thaw()
  },
  'rows locked': (stalled) => beside(stalled, keepLocked('running')),
  'spending locked': (stalled) => beside(stalled, keepLocked('spending')),
  'table locked': (stalled) => beside(stalled, keepLocked('operations')),
  'sessions ended': (stalled) =>
    beside(stalled, async (other) => other.terminate(await other.listGatewaySessions())),
} satisfies Record<string, Stall>

export type StallName = keyof typeof onEither | keyof typeof onServer

type Stall = (stalled: Stalled) => Promise<void>

const stalls: Record<StallName, Stall> = { ...onEither, ...onServer }

/** Those that are possible: an embedded database stands still with its gateway. */
export const listStalls = (postgres: PostgresServer | null): StallName[] =>
  (Object.keys(postgres ? stalls : onEither) as StallName[]).sort()

export const stall = (name: StallName, stalled: Stalled): Promise<void> => stalls[name](stalled)

type Deed = (other: OtherSession, ms: number) => Promise<void>

async function beside({ postgres, ms }: Stalled, deed: Deed): Promise<void> {
  if (!postgres) return
  const other = await openOtherSession(postgres.url)
  try {
    await deed(other, ms)
  } finally {
    await other.close()
  }
}

const keepLocked =
  (what: Lockable): Deed =>
  async (other, ms) => {
    await other.lock(what)
    await pause(ms)
    await other.release()
  }
