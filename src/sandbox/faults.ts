import { WireError } from './wire-error.ts'

/**
 * The ways to misbehave. `answers` says whether the fault replaces the reply before any work; `paid` whether the
 * service has taken the work, and the money, when it shows.
 */
const faults = {
  '429': { paid: false },
  '429-quota': { paid: false },
  '500': { paid: false },
  '502-html': { paid: true },
  '503': { paid: false },
  slow: { paid: true },
  'cut-stream': { paid: true },
  moderation: { paid: false },
  'moderation-output': { paid: true },
  'wrong-content-type': { paid: true },
  'empty-data': { paid: true },
  reset: { paid: true },
  hang: { paid: true },
  fewer: { paid: true },
  'no-usage': { paid: true },
} as const

export type FaultName = keyof typeof faults

/** A fault, with a number where it takes one: seconds for `429` and `503`, milliseconds for `slow`. */
export type FaultText = FaultName | `${FaultName}=${number}`

export interface Fault {
  name: FaultName
  value: number | undefined
  paid: boolean
}

export interface FaultTarget {
  path: string
  /** Whether the request asks for paid work; the queue leaves others alone unless it names their path. */
  isPaidRoute: boolean
  header?: string | undefined
  prompt?: string
}

export interface MisbehaveOptions {
  /** How many of the next requests; 1 by default. */
  times?: number
  /** Only requests whose path starts so; by default those that ask for an image. */
  path?: string
}

export interface Faults {
  add(text: FaultText, options?: MisbehaveOptions): void
  /** The fault for a request: its header, else the marker in its prompt, else the next in the queue. */
  take(target: FaultTarget): Fault | undefined
  clear(): void
}

const maxQueued = 1000

export const faultNames = Object.keys(faults) as FaultName[]

export function parseFault(text: string): Fault | undefined {
  const match = /^([a-z0-9-]+)(?:=(\d{1,7}))?$/.exec(text.trim())
  const name = faultNames.find((each) => each === match?.[1])
  if (!name) return undefined
  return { name, value: match?.[2] === undefined ? undefined : Number(match[2]), paid: faults[name].paid }
}

interface Queued {
  fault: Fault
  path: string | undefined
  left: number
}

export function createFaults(): Faults {
  const queue: Queued[] = []
  const takeQueued = ({ path, isPaidRoute }: FaultTarget) => {
    const fits = (each: Queued) => (each.path === undefined ? isPaidRoute : path.startsWith(each.path))
    const at = queue.findIndex(fits)
    const queued = queue[at]
    if (!queued) return undefined
    queued.left--
    if (queued.left <= 0) queue.splice(at, 1)
    return queued.fault
  }
  return {
    add(text, { times = 1, path } = {}) {
      const fault = parseFault(text)
      if (!fault) throw new TypeError(`Unknown fault '${text}'. Known: ${faultNames.join(', ')}`)
      if (queue.length >= maxQueued) throw new RangeError(`More than ${maxQueued} faults are queued`)
      queue.push({ fault, path, left: times })
    },
    take(target) {
      return readHeader(target.header) ?? readMarker(target.prompt) ?? takeQueued(target)
    },
    clear() {
      queue.length = 0
    },
  }
}

function readHeader(header: string | undefined): Fault | undefined {
  if (header === undefined) return undefined
  const fault = parseFault(header)
  if (!fault) throw new WireError(null, `Unknown x-sandbox-fault. Known: ${faultNames.join(', ')}.`)
  return fault
}

/** `[sandbox:429]` in a prompt, so that somebody at a form can try a fault. */
function readMarker(prompt = ''): Fault | undefined {
  const match = /\[sandbox:([a-z0-9=-]+)\]/.exec(prompt)
  return match?.[1] ? parseFault(match[1]) : undefined
}

const moderationMessage =
  'Your request was rejected by the safety system. If you believe this is an error, contact support.'

/** The refusal a fault stands for, in OpenAI's words; undefined for a fault that only spoils the reply. */
export function refusalOfFault(fault: Fault, family: 'gpt' | 'dall-e'): WireError | undefined {
  switch (fault.name) {
    case '429':
      return new WireError('rate_limit_exceeded', 'Rate limit reached for images per min (IPM).', {
        status: 429,
        type: 'requests',
        headers: { 'retry-after': String(fault.value ?? 1) },
      })
    case '429-quota':
      return new WireError('insufficient_quota', 'You exceeded your current quota, please check your plan.', {
        status: 429,
        type: 'insufficient_quota',
      })
    case '500':
      return new WireError(null, 'The server had an error while processing your request.', {
        status: 500,
        type: 'server_error',
      })
    case '503':
      return new WireError('server_is_overloaded', 'The server is overloaded. Please try again later.', {
        status: 503,
        type: 'service_unavailable_error',
        headers: fault.value === undefined ? {} : { 'retry-after': String(fault.value) },
      })
    case 'moderation':
      return refuseModerated('input', family)
    case 'moderation-output':
      return refuseModerated('output', family)
    default:
      return undefined
  }
}

function refuseModerated(stage: 'input' | 'output', family: 'gpt' | 'dall-e'): WireError {
  if (family === 'dall-e') return new WireError('content_policy_violation', moderationMessage)
  return new WireError('moderation_blocked', `${moderationMessage} safety_violations=[violence].`, {
    type: 'image_generation_user_error',
    more: { moderation_details: { moderation_stage: stage, categories: ['violence'] } },
  })
}
