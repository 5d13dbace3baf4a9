import { EaselError } from '../../errors.ts'
import type { ReasonOf } from '../../reasons/reasons.ts'
import type { ServerLimits } from '../server-limits.ts'

export type JsonLimits = Pick<ServerLimits, 'maxInputDepth' | 'maxJsonValues'>

export interface JsonText {
  text: string
  limits: JsonLimits
  /** The error for a text that is not JSON. */
  malformed(cause: unknown): EaselError
}

/**
 * Parses JSON of a client. A megabyte can hold half a million nested lists or numbers, and code that walks through them
 * blocks all other requests. So they are counted in the text before it is parsed.
 */
export function parseJson({ text, limits, malformed }: JsonText): unknown {
  const { depth, values } = measureJson(text)
  if (depth > limits.maxInputDepth) {
    const message = `JSON may have at most ${limits.maxInputDepth} lists and objects within each other`
    throw refuse('JSON_TOO_DEEP', message, { allowed: limits.maxInputDepth, actual: depth })
  }
  if (values > limits.maxJsonValues) {
    const message = `JSON may have at most ${limits.maxJsonValues} values`
    throw refuse('JSON_TOO_MANY_VALUES', message, { allowed: limits.maxJsonValues, actual: values })
  }
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw malformed(cause)
  }
}

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c]
const [openList, closeList, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d]
const space = 0x20

/** One pass without recursion. Lists, objects and their items are values; keys are not. */
function measureJson(text: string): { depth: number; values: number } {
  let depth = 0
  let deepest = 0
  let values = 1
  let before = 0
  for (let i = 0; i < text.length; i += 1) {
    const char = text.charCodeAt(i)
    if (char <= space) continue
    if (char === quote) i = endOfString(text, i)
    else if (char === comma) values += 1
    else if (char === openList || char === openObject) {
      depth += 1
      values += 1
      if (depth > deepest) deepest = depth
    } else if (char === closeList || char === closeObject) {
      depth -= 1
      // An empty list or object has no first value.
      if (before === openList || before === openObject) values -= 1
    }
    before = char
  }
  return { depth: deepest, values }
}

/** The index of the closing quote of the string that begins at `start`; the end of the text where there is none. */
function endOfString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i += 1) {
    const char = text.charCodeAt(i)
    if (char === quote) return i
    if (char === backslash) i += 1
  }
  return text.length
}

function refuse(
  reason: ReasonOf<'BAD_USER_INPUT'>,
  message: string,
  numbers: { allowed: number; actual: number },
): EaselError {
  return new EaselError('BAD_USER_INPUT', message, { reason, ...numbers })
}
