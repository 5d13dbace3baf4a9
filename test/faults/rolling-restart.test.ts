import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { generateDocument } from '../kit/client/operation-client.ts'
import { findPostgres } from '../kit/database/postgres.ts'
import type { GatewayProcess } from '../kit/gateway/gateway-process.ts'
import { openTestBed, type TestBed } from '../kit/gateway/test-bed.ts'
import { isLong } from '../kit/limits.ts'
import { freePort } from '../kit/network/free-port.ts'
import { findNginx, type Nginx, startNginx } from '../kit/network/nginx.ts'
import { until } from '../kit/until.ts'

const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8')
const site = /```nginx\n([^`]*)```/.exec(readme)?.[1] ?? ''

const callers = 3
/** So that a request comes in every phase of a stop, and is still a small load. */
const stoppingPaceMs = 150
/** While one starts nothing else happens, and it takes far longer than a stop. */
const startingPaceMs = 600

/** What comes through a proxy needs a key. */
const adminKey = 'the-key-of-a-rolling-restart'
const headers = { authorization: `Bearer ${adminKey}` }

const missing = !findPostgres() || !findNginx()

/** nginx, as the README sets it up, does not ask whether a gateway is ready: the first form is the harder one. */
const forms = [{ drainDelayMs: 0 }, { drainDelayMs: 1_000 }].slice(0, isLong ? 2 : 1)

describe.skipIf(missing).each(forms)(
  'two gateways behind nginx, as the README sets it up, that say no for $drainDelayMs ms',
  (limits) => {
    let bed: TestBed
    let nginx: Nginx
    let ports: number[]
    const gateways: GatewayProcess[] = []
    const ids: string[] = []
    let paceMs = startingPaceMs
    const env = (index: number) => ({ PORT: String(ports[index]), EASEL_ADMIN_KEY: adminKey })

    beforeAll(async () => {
      ports = [await freePort(), await freePort()]
      bed = await openTestBed({ database: 'server', env: env(0), limits })
      gateways.push(bed.gateway, await bed.start({ env: env(1) }))
      nginx = await startNginx({ ports, site })
    })
    afterAll(async () => {
      await nginx?.close()
      await bed.close()
    })

    /** Stops one and starts it again; resolves when nginx has sent something to the new one. */
    async function restart(index: number): Promise<void> {
      paceMs = stoppingPaceMs
      const before = ids.length
      await until(() => ids.length >= before + 2 * callers)
      expect(await gateways[index]?.end('SIGTERM')).toEqual({ code: 0, signal: null })
      paceMs = startingPaceMs
      const gateway = await bed.start({ env: env(index) })
      gateways[index] = gateway
      await gateway.untilLogged('request')
    }

    /**
     * A caller that does what the README says: a connection may be closed at the moment at which nginx sends on it, and
     * then the same request goes out again under the same request id.
     */
    async function generateAtLast(requestId: string, prompt: string): Promise<string> {
      for (;;) {
        const input = { model: 'paid/gpt-image-2', size: '1024x1024', quality: 'LOW', prompt, requestId }
        const response = await fetch(`${nginx.url}/graphql`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...headers },
          body: JSON.stringify({ query: generateDocument, variables: { input } }),
        })
        const text = await response.text()
        await pause(paceMs)
        if (response.status === 502) continue
        const { data, errors } = JSON.parse(text)
        expect(errors, prompt).toBeUndefined()
        return data.generateImage.id
      }
    }

    test('answer every mutation while one after the other is restarted, and carry each out once', async () => {
      const rolled = new AbortController()
      const call = async (caller: number) => {
        for (let number = 0; !rolled.signal.aborted; number++) {
          const prompt = `a rolling restart ${caller} ${number}`
          ids.push(await generateAtLast(`rolling-${caller}-${number}`, prompt))
        }
      }
      const calling = Promise.all(Array.from({ length: callers }, (_, caller) => call(caller)))
      const restarting = restart(0).then(() => restart(1))
      await Promise.all([calling, restarting.finally(() => rolled.abort())])
      await bed.check({ leftovers: true })
      expect((await bed.stories()).map(({ status }) => status)).toEqual(ids.map(() => 'SUCCEEDED'))
      for (const { prompt } of bed.provider.calls) expect(bed.provider.paidFor(prompt)).toBe(1)
    })
  },
)
