/**
 * An upstream's words as PostgreSQL can keep them: it takes neither U+0000 nor half of a surrogate pair, and JSON may
 * hold both. What was paid for is not lost over a character.
 */
export function toStorable(text: string): string {
  return text.replaceAll('\0', '\ufffd').toWellFormed()
}

export function isStorable(text: string): boolean {
  return text === toStorable(text)
}
