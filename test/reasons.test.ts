import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { EaselError } from '../src/errors.ts'
import { failureReasons } from '../src/reasons/failure-reasons.ts'
import { errorReasons } from '../src/reasons/reasons.ts'

const src = join(import.meta.dirname, '../src')
const code = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !/^(reasons|console|sandbox|database\/generated)\//.test(file))
  .map((file) => readFileSync(join(src, file), 'utf8'))
  .join('\n')

/** The reason of an exceeded budget is put together out of its period and its unit. */
const builtFromParts = /^(DAY|MONTH|TOTAL)_(TOKENS|MONEY)$/

const listed = { ...errorReasons, ...failureReasons }

describe('the list of reasons', () => {
  test('holds every reason that is written anywhere', () => {
    const written = [...code.matchAll(/\breason(?::| =) '([A-Z_]+)'/g)].map(([, reason]) => reason ?? '')
    expect(written.length).toBeGreaterThan(100)
    expect(written.filter((reason) => !(reason in listed))).toEqual([])
  })

  test('holds no reason that is given nowhere', () => {
    const names = Object.keys(listed).filter((reason) => !builtFromParts.test(reason))
    expect(names.filter((reason) => !new RegExp(`'${reason}'|\\b${reason}: \\{`).test(code))).toEqual([])
  })

  test('gives each name one meaning, and another one only to a failed operation', () => {
    const sources = readdirSync(join(src, 'reasons'))
      .filter((file) => /-reasons\.ts$/.test(file))
      .map((file) => [file, readFileSync(join(src, 'reasons', file), 'utf8')] as const)
    const named = sources.flatMap(([file, text]) =>
      [...text.matchAll(/^ {2}([A-Z\d_]+): \{/gm)].map(([, reason]) => {
        const family = /^(provider|operation)-/.test(file) ? 'failure' : 'error'
        return `${family} ${reason}`
      }),
    )
    expect(named.filter((name, index) => named.indexOf(name) !== index)).toEqual([])
    expect(named).toHaveLength(Object.keys(errorReasons).length + Object.keys(failureReasons).length)
  })

  // The compiler holds this one, in `npm run check`.
  test('lets an error have a reason of its own code only', () => {
    const known = new EaselError('NOT_FOUND', 'Gone', { reason: 'IMAGE_GONE' })
    // @ts-expect-error It is not in the list.
    const unknown = new EaselError('NOT_FOUND', 'Gone', { reason: 'IMAGE_AWAY' })
    // @ts-expect-error It is a reason of another code.
    const foreign = new EaselError('NOT_FOUND', 'Gone', { reason: 'IMAGE_EMPTY' })
    expect([known, unknown, foreign].map(({ code }) => code)).toEqual(Array(3).fill('NOT_FOUND'))
  })
})
