import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ErrorCode, errorCodes } from '../../src/reasons/error-codes.ts'
import { failureReasons } from '../../src/reasons/failure-reasons.ts'
import type { ErrorMeaning, FailureMeaning } from '../../src/reasons/meaning.ts'
import { errorReasons } from '../../src/reasons/reasons.ts'

/** Prints the reasons of errors and of failed operations as the two tables of the README. */
export function printReasonTables(): string {
  return [printErrorReasons(errorReasons), printFailureReasons(failureReasons)].join('\n')
}

function printErrorReasons(reasons: Record<string, ErrorMeaning>): string {
  const rows = Object.entries(reasons).map(([reason, { code, meaning, hint }]) => {
    const codes: ErrorCode[] = [code].flat()
    const retryable = codes.some((each) => errorCodes[each].retryable)
    return [quote(reason), codes.map(quote).join(', '), answer(retryable), meaning, hint]
  })
  return printTable(['reason of an error', 'code', 'retryable', 'meaning', 'what to do'], rows)
}

function printFailureReasons(reasons: Record<string, FailureMeaning>): string {
  const rows = Object.entries(reasons).map(([reason, { status, retryable, meaning, hint }]) => [
    quote(reason),
    quote(status),
    answer(retryable),
    meaning,
    hint,
  ])
  return printTable(['reason of a failed operation', 'status', 'retryable', 'meaning', 'what to do'], rows)
}

function printTable(heads: string[], rows: string[][]): string {
  return [heads, heads.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |\n`).join('')
}

const quote = (name: string) => `\`${name}\``
const answer = (is: boolean) => (is ? 'yes' : 'no')

export const reasonTables = /(?<=<!-- reasons -->\n)[\s\S]*(?=<!-- end of the reasons -->)/

/** `node test/readme/reason-tables.ts` writes them into the README. */
if (import.meta.main) {
  const path = join(import.meta.dirname, '../../README.md')
  writeFileSync(
    path,
    readFileSync(path, 'utf8').replace(reasonTables, () => printReasonTables()),
  )
}
