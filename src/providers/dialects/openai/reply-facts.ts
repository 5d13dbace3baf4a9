import { parseBill } from '../../../catalogue/reported-bill.ts'
import { noTokens, parseReportedUsage, type ReportedUsage } from '../../../catalogue/reported-usage.ts'
import type { ReadContext } from '../../exchanges/exchange.ts'
import type { ReplyFacts } from '../../reply.ts'

/** What a reply or an event says about itself. Everything is optional, and `size` is free text: upstreams differ. */
export function readFacts(body: Record<string, unknown>, context: FactsContext): ReplyFacts {
  return {
    created: parseCreated(body.created ?? body.created_at) ?? Math.floor(context.now().getTime() / 1000),
    background: readWord(body.background),
    outputFormat: readWord(body.output_format),
    quality: readWord(body.quality),
    size: readWord(body.size),
    modelVersion: readWord(body.model),
    usage: readUsage(body.usage, context),
  }
}

type FactsContext = Pick<ReadContext<unknown>, 'now' | 'takesBill'>

/** The tokens, and the bill where it is to be the cost. */
export function readUsage(
  usage: unknown,
  { takesBill }: Pick<FactsContext, 'takesBill'>,
): ReportedUsage | null {
  const tokens = parseReportedUsage(usage)
  const cost = takesBill ? parseBill(usage) : null
  return cost ? { ...(tokens ?? noTokens), cost } : tokens
}

/** Unix seconds; also as a text, as a fraction or in milliseconds. */
export function parseCreated(value: unknown): number | null {
  const text = typeof value === 'string' && value.length < 24 ? value.trim() : value
  const number = typeof text === 'string' && text !== '' ? Number(text) : text
  if (typeof number !== 'number' || !Number.isFinite(number) || number <= 0) return null
  const seconds = number > firstMilliseconds ? number / 1000 : number
  return seconds > lastSecond ? null : Math.floor(seconds)
}

/** As seconds this is in the year 5138. */
const firstMilliseconds = 100_000_000_000
/** GraphQL's Int ends here. */
const lastSecond = 2 ** 31 - 1

function readWord(value: unknown): string | null {
  return typeof value === 'string' && value !== '' && value.length <= 128 ? value : null
}
