import { Lexer, type Source, type Token, TokenKind } from 'graphql'
import { EaselError } from '../../errors.ts'
import type { ReasonOf } from '../../reasons/reasons.ts'
import type { ServerLimits } from '../server-limits.ts'

export type NestingLimits = Pick<ServerLimits, 'maxInputDepth' | 'maxSelectionSets'>

/**
 * Counts the brackets that are open while graphql-js reads a document. Its parser, its rules and its executor go down
 * into them by recursion, so that a document of a few kilobytes could use up their stack.
 *
 * A bracket opens a value when it stands in one, or after `:` or `=`; so do types of lists. Any other brace opens a
 * selection set.
 */
export class NestingLexer extends Lexer {
  readonly #limits: NestingLimits
  #values = 0
  #selectionSets = 0

  constructor(source: Source, limits: NestingLimits) {
    super(source)
    this.#limits = limits
  }

  override advance(): Token {
    const before = this.token.kind
    const token = super.advance()
    if (token.kind === TokenKind.BRACKET_L || token.kind === TokenKind.BRACE_L) this.#open(before)
    if (token.kind === TokenKind.BRACKET_R || token.kind === TokenKind.BRACE_R) this.#close()
    return token
  }

  #open(before: TokenKind): void {
    const { maxInputDepth, maxSelectionSets } = this.#limits
    if (this.#values > 0 || before === TokenKind.COLON || before === TokenKind.EQUALS) {
      this.#values += 1
      check('LITERAL_TOO_DEEP', this.#values, maxInputDepth)
    } else {
      this.#selectionSets += 1
      check('TOO_DEEP', this.#selectionSets, maxSelectionSets)
    }
  }

  #close(): void {
    if (this.#values > 0) this.#values -= 1
    else this.#selectionSets -= 1
  }
}

/** Reading stops here, so the document may be deeper than `actual`. */
function check(reason: ReasonOf<'BAD_USER_INPUT'>, actual: number, allowed: number): void {
  if (actual <= allowed) return
  throw new EaselError('BAD_USER_INPUT', 'The GraphQL document is nested too deeply', {
    reason,
    actual,
    allowed,
  })
}
