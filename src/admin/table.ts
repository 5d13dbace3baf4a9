type Cell = string | number | null

/** Rows in columns for people; numbers are aligned to the right. */
export function printTable(columns: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const lines = [columns, ...rows].map((row) => row.map(toText))
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)))
  const isNumber = columns.map((_, index) => rows.length > 0 && rows.every((row) => isNumeric(row[index])))
  const print = (line: string[]) =>
    line
      .map((text, index) => {
        const width = widths[index] ?? 0
        return isNumber[index] ? text.padStart(width) : text.padEnd(width)
      })
      .join('  ')
      .trimEnd()
  return `${lines.map(print).join('\n')}\n`
}

function isNumeric(cell: Cell | undefined): boolean {
  return cell === null || /^-?\d+(\.\d+)?( [A-Z]{3})?$/.test(String(cell))
}

function toText(cell: Cell): string {
  return printable(cell === null ? '–' : String(cell))
}

/** Names come from users' tokens, so characters that control a terminal or the direction of text are removed. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\u{fffd}')
}

/** JSON without characters that control a terminal. */
export function printJson(value: unknown): string {
  const text = JSON.stringify(value, null, 2)
  return `${text.replaceAll(/[\u007f-\u009f]/g, (char) => `\\u00${char.charCodeAt(0).toString(16)}`)}\n`
}

const million = 1_000_000n

/** `12.5 USD` for 12,500,000 micro-units. */
export function printMoney(micros: string, currency = ''): string {
  const amount = BigInt(micros)
  const rest = String(amount % million)
    .padStart(6, '0')
    .replace(/0{1,4}$/, '')
  return `${amount / million}.${rest} ${currency}`.trim()
}

/** 12,500,000 for `12.5`; null for what is no amount of money. */
export function parseMoney(text: string): string | null {
  const [, whole, part = ''] = /^(\d{1,13})(?:\.(\d{1,6}))?$/.exec(text) ?? []
  return whole === undefined ? null : String(BigInt(whole) * million + BigInt(part.padEnd(6, '0')))
}
