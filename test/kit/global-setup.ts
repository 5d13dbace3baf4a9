import { prepareEmbedded } from './prepared-embedded.ts'

/** Before the first file, so that no two of them make the same. */
export async function setup(): Promise<void> {
  await prepareEmbedded()
}
