import { join } from 'node:path'
import type { Logger } from 'pino'
import { createImages, type Images, type ImagesOptions } from './images.ts'
import { openStorage, type StoragePlace } from './open-storage.ts'
import { toSigningKeys } from './signing-keys.ts'
import type { Storage } from './storage.ts'
import { isForeignStorage } from './storage-owner.ts'

export interface OpenedImages {
  images: Images
  storage: Storage
  /** Whether an image that a provider makes now could be kept. Asked before each call, which costs money. */
  canKeepPaid(): Promise<boolean>
  /** The same for probes of readiness, which come all the time. */
  canKeepProbed(): Promise<boolean>
  /** Checks at the start which database owns the storage. Throws where it is another one. */
  checkOwner(): Promise<void>
  close(): void
}

export interface OpenImagesOptions
  extends Pick<ImagesOptions, 'prisma' | 'publicUrl' | 'limits' | 'now' | 'newId'> {
  place: StoragePlace
  dataDir: string
  /** The first signs addresses, all verify them. */
  urlSecrets: readonly string[]
  uptimeMs: () => number
  log: Logger
}

/** How old the last answer of the storage may be. A paid image costs far more than a look at the storage. */
const maxAges = { paidMs: 1_000, probedMs: 5_000 }

/** How long the start waits for the storage to name its owner. */
const ownerTimeoutMs = 10_000

/** Opens the storage of images, and the room over it. */
export async function openImages(options: OpenImagesOptions): Promise<OpenedImages> {
  const { prisma, place, dataDir, publicUrl, urlSecrets, limits, now, newId, uptimeMs, log } = options
  const stagingDir = join(dataDir, 'staging')
  const watched = await openStorage(place, { dataDir, folder: stagingDir, newId, uptimeMs, log })
  const { storage } = watched
  const images = createImages({
    prisma,
    storage,
    isPrivate: place.kind === 'files',
    stagingDir,
    cacheDir: join(dataDir, 'cache'),
    publicUrl,
    signingKeys: toSigningKeys(urlSecrets),
    limits,
    now,
    newId,
  })
  const canKeep = async (maxAgeMs: number) => (await watched.isUp(maxAgeMs)) && (await isOwnerKnown(images))
  return {
    images,
    storage,
    canKeepPaid: () => canKeep(maxAges.paidMs),
    canKeepProbed: () => canKeep(maxAges.probedMs),
    checkOwner: () => checkOwner(images, log),
    close: () => storage.close?.(),
  }
}

/** No image is kept in a storage whose owner was not checked. */
function isOwnerKnown(images: Images): Promise<boolean> {
  return images.confirmOwner().then(
    () => true,
    () => false,
  )
}

/** A storage that is away does not end the start: its owner is checked again before an image is kept or swept. */
async function checkOwner(images: Images, log: Logger): Promise<void> {
  try {
    const owner = await images.confirmOwner(AbortSignal.timeout(ownerTimeoutMs))
    if (owner === 'ANOTHER')
      log.warn('the folder of images has some of another database: nothing is swept there')
  } catch (error) {
    if (isForeignStorage(error)) throw error
    log.warn({ err: error }, 'the storage of images cannot be reached: whose it is was not checked')
  }
}
