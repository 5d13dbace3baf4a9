import { isRecord } from '../is-record.ts'
import type { ReportedCost } from './reported-usage.ts'

/** What is above it was not meant as the price of one request. */
const mostDollars = 10_000
const ticksOfDollar = 10_000_000_000
const microsOfDollar = 1_000_000

/**
 * The provider's own bill in a `usage` member: OpenRouter's `cost` in US dollars, or xAI's `cost_in_usd_ticks`. A part of
 * a millionth counts whole, as it does where Easel multiplies. Null where there is none, or none that can be meant.
 */
export function parseBill(value: unknown): ReportedCost | null {
  if (!isRecord(value)) return null
  // Then the account of another provider is charged, and `cost` is OpenRouter's fee alone.
  const told = value.is_byok === true ? null : readAmount(value.cost)
  const ticks = readAmount(value.cost_in_usd_ticks)
  const dollars = ticks === null ? told : ticks / ticksOfDollar
  if (dollars === null || dollars > mostDollars) return null
  return { micros: roundUp(dollars * microsOfDollar), currency: 'USD' }
}

function readAmount(value: unknown): number | null {
  const amount = typeof value === 'string' && /^\d+(\.\d+)?$/.test(value) ? Number(value) : value
  return typeof amount === 'number' && Number.isFinite(amount) && amount >= 0 ? amount : null
}

/** 0.000123 * 1,000,000 is a little more than 123: what is beyond fifteen digits was never written. */
function roundUp(value: number): number {
  return Math.ceil(Number(value.toPrecision(15)))
}
