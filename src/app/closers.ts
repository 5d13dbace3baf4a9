/** What was opened, in that order: each is closed before those that it stands on. */
export type Closers = (() => unknown)[]

export async function closeAll(closers: Closers): Promise<void> {
  for (const close of closers.reverse()) await close()
}
