/** The files of a reply that is whole. */
export interface SpoolFiles {
  envelope: string
  /** The images that the envelope names, by their numbers. */
  images: ReadonlyMap<number, string>
}

/** The envelope of a reply that still arrives, or that was cut. */
export const partName = (attemptId: string) => `${attemptId}.part`

/** The envelope of a reply that is whole. */
export const replyName = (attemptId: string) => `${attemptId}.reply`

export const imageName = (attemptId: string, number: number) => `${attemptId}.image-${number}`

/** The attempt that a file of the spool belongs to; null for any other name. */
export function attemptOf(name: string): string | null {
  return /^([^.]+)\.(?:part|reply|image-\d+)$/.exec(name)?.[1] ?? null
}
