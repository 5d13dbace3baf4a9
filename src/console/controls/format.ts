interface Money {
  amountMicros: string
  currency: string
}

/** Small amounts keep their digits: a single image costs fractions of a cent. */
export function formatMoney({ amountMicros, currency }: Money): string {
  const amount = Number(amountMicros) / 1_000_000
  const digits = amount !== 0 && Math.abs(amount) < 1 ? 4 : 2
  return new Intl.NumberFormat('en', {
    style: 'currency',
    currency,
    minimumFractionDigits: 2,
    maximumFractionDigits: digits,
  }).format(amount)
}

export function formatCount(value: string | number): string {
  return new Intl.NumberFormat('en').format(typeof value === 'string' ? BigInt(value) : value)
}

export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  const kib = bytes / 1024
  return kib < 1024 ? `${kib.toFixed(kib < 10 ? 1 : 0)} KB` : `${(kib / 1024).toFixed(1)} MB`
}

export function formatDuration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`
}

export function formatMoment(moment: string): string {
  return new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(moment))
}

/** The next full second, so that nobody who goes by it comes too early. */
export function formatTime(ms: number): string {
  return new Intl.DateTimeFormat('en', { timeStyle: 'medium' }).format(Math.ceil(ms / 1000) * 1000)
}

/** `outputFormat` becomes `Output format`. */
export function labelOfName(name: string): string {
  const words = name.replace(/([A-Z])/g, ' $1').toLowerCase()
  return words.charAt(0).toUpperCase() + words.slice(1)
}

/** `TRANSPARENT` becomes `Transparent`; other texts, such as `image/jpeg` or `HD`, stay as they are. */
export function labelOfValue(value: string): string {
  if (!/^[A-Z][A-Z_]{2,}$/.test(value) || ['PNG', 'JPEG', 'URL', 'WEBP'].includes(value))
    return value.replace('_JSON', '')
  const words = value.replaceAll('_', ' ').toLowerCase()
  return words.charAt(0).toUpperCase() + words.slice(1)
}
