import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { generate, type OperationAnswer, readOperation } from '../kit/client/operation-client.ts'
import type { GatewayProcess } from '../kit/gateway/gateway-process.ts'
import { waitMs } from '../kit/limits.ts'

export interface PersistentRequest {
  requestId: string
  prompt: string
  /** Asks for a cancel once it is accepted. */
  cancels?: boolean
}

/** Soon at first, then less and less often: a crowd that asks all the time takes the gateway from its work. */
const firstPauseMs = 100
const longestPauseMs = 500

/**
 * A client that does what it is told: it asks again, under the same request id, until it sees an end. `gateway` answers
 * the one to ask, which may be another one each time.
 */
export async function seeThrough(
  gateway: () => Pick<GatewayProcess, 'graphql'>,
  request: PersistentRequest,
): Promise<OperationAnswer> {
  const giveUpAt = performance.now() + waitMs
  let seen: OperationAnswer | null = null
  let pauseMs = firstPauseMs
  while (performance.now() < giveUpAt) {
    const operation = await askOnce(gateway(), request).catch((error: unknown) => {
      // The gateway is dead, or died meanwhile.
      if (error instanceof assert.AssertionError) throw error
    })
    if (operation?.done) return operation
    seen = operation ?? seen
    await pause(pauseMs)
    pauseMs = Math.min(longestPauseMs, pauseMs * 1.5)
  }
  throw new Error(`${request.requestId} did not end within ${waitMs} ms: ${JSON.stringify(seen)}`)
}

async function askOnce(
  gateway: Pick<GatewayProcess, 'graphql'>,
  { requestId, prompt, cancels }: PersistentRequest,
): Promise<OperationAnswer | null> {
  const { data, errors } = await generate(gateway, { requestId, prompt })
  if (errors) assert.equal(errors[0]?.extensions.code, 'UNAVAILABLE', JSON.stringify(errors))
  const id = data?.generateImage?.id
  if (!id) return null
  if (cancels) await gateway.graphql('mutation ($id: ID!) { cancelOperation(id: $id) { id } }', { id })
  return readOperation(gateway, id)
}
