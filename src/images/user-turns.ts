/** Those who wait, by user: each user's first in its turn. What is nobody's takes turns like one more user. */
export class UserTurns<Entry> {
  /** The users in the order of their turns. */
  readonly #waiting = new Map<string | null, Entry[]>()
  #size = 0

  get size(): number {
    return this.#size
  }

  get first(): Entry | undefined {
    const [entries] = this.#waiting.values()
    return entries?.[0]
  }

  sizeOf(user: string | null): number {
    return this.#waiting.get(user)?.length ?? 0
  }

  add(user: string | null, entry: Entry): void {
    const entries = this.#waiting.get(user)
    if (entries) entries.push(entry)
    else this.#waiting.set(user, [entry])
    this.#size += 1
  }

  /** Takes the first out; its user is last from then on. */
  takeFirst(): void {
    const [turn] = this.#waiting
    if (!turn) return
    const [user, [, ...rest]] = turn
    this.#waiting.delete(user)
    if (rest.length > 0) this.#waiting.set(user, rest)
    this.#size -= 1
  }

  remove(user: string | null, entry: Entry): void {
    const entries = this.#waiting.get(user) ?? []
    const at = entries.indexOf(entry)
    if (at < 0) return
    entries.splice(at, 1)
    if (entries.length === 0) this.#waiting.delete(user)
    this.#size -= 1
  }
}
