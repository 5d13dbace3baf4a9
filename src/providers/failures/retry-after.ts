/** Reads `retry-after-ms`, then `retry-after` in seconds or as a date. Null where neither is a pause. */
export function parseRetryAfter(headers: Record<string, string>, now: Date): number | null {
  const ms = readWait(headers['retry-after-ms'])
  if (ms !== null) return Math.ceil(ms)
  const given = headers['retry-after']
  const seconds = readWait(given)
  if (seconds !== null) return Math.ceil(seconds * 1000)
  // A date has letters; `Date.parse` alone would take "-5" for one.
  const date = given && /[a-z]{3}/i.test(given) ? Date.parse(given) : Number.NaN
  return Number.isNaN(date) ? null : Math.max(0, date - now.getTime())
}

function readWait(value: string | undefined): number | null {
  if (value === undefined || !/^\d{1,12}(\.\d+)?$/.test(value.trim())) return null
  return Number(value)
}
