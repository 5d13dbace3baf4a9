/** The texts that must not appear in a message: keys, folders and the prompt. */
export interface Redaction {
  secrets: readonly string[]
  prompts: readonly string[]
}

const keyLike =
  /\b(?:sk|pk|org|proj|key|req|user|sess|AQVN|b1g|aje)[-_]?[\w*-]{8,}|\bBearer\s+\S+|\bApi-Key\s+\S+|https?:\/\/\S+/gi

/** The upstream's message without keys and addresses; empty if it repeats a part of the prompt. */
export function redact(text: string, { secrets, prompts }: Redaction): string {
  if (prompts.some((prompt) => repeats(text, prompt))) return ''
  let safe = text
  for (const secret of secrets) if (secret.length > 3) safe = safe.replaceAll(secret, '…')
  return safe.replace(keyLike, '…')
}

const repeatedLength = 12

function repeats(text: string, prompt: string): boolean {
  const sought = prompt.trim()
  if (sought.length === 0) return false
  if (sought.length <= repeatedLength) return text.includes(sought)
  for (let at = 0; at + repeatedLength <= text.length; at++) {
    if (sought.includes(text.slice(at, at + repeatedLength))) return true
  }
  return false
}
