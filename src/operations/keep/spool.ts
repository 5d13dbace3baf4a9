import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import {
  access,
  type FileHandle,
  link,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  stat,
  writeFile,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Logger } from 'pino'
import { PieceWriter } from '../../images/piece-writer.ts'
import { removeFile } from '../../images/temporary-files.ts'
import type { ImagePart, RecordedParts } from '../../providers/transport/reply-recorder.ts'
import { envelopeStart, imageFrame, readEnvelope, textFrame } from './envelope.ts'
import type { SharedSpool } from './shared-spool.ts'
import { attemptOf, imageName, partName, replyName, type SpoolFiles } from './spool-files.ts'
import { SpooledImage } from './spooled-image.ts'

/**
 * Replies of paid calls. A reply is on disk before it is used: as `<attempt>.part` while it arrives, then synced and
 * renamed to `<attempt>.reply` when it is complete. So a paid reply survives a crash. A part of one is used as well: its
 * last byte may have been written just before the crash. An image in a reply is written once, decoded, as
 * `<attempt>.image-0`; what is kept of it in the end is the same file. Where several machines share a storage, a complete
 * reply is copied there before it is used.
 */
export interface Spool {
  /** Names this folder among those of all machines, for as long as it exists. */
  id(): Promise<string>
  /** Whether replies that are whole are where every machine can read them. */
  readonly isShared: boolean
  open(attemptId: string): Promise<SpoolWriter>
  /** What is here of a reply, or null. */
  find(attemptId: string): Promise<SpooledReply | null>
  remove(attemptId: string): Promise<void>
  /** The attempts of which there is anything, with the time of the last write. */
  list(): Promise<{ attemptId: string; modifiedAt: Date }[]>
  /** Those of all machines, where replies are shared; else none. */
  listShared(signal: AbortSignal): Promise<{ attemptId: string; modifiedAt: Date }[]>
}

export interface SpooledReply {
  /** False where its process died or was interrupted while the reply arrived. */
  isWhole: boolean
  /** Whether every machine can read it. */
  isShared: boolean
  /** Opens the reply for reading. The caller must read it to the end or close it. */
  read(): AsyncIterable<Uint8Array>
}

export interface SpoolWriter extends RecordedParts {
  /** Never fails: on a full disk the reply is still received, but not kept. The chunk must not change afterwards. */
  write(chunk: Uint8Array): Promise<void>
  /** A file for the next image of the reply; null once the reply is not kept. It is gone when the reply is removed. */
  openImage(): SpooledImage | null
  /** Puts a part of an image in its place in the reply. */
  writeImage(part: ImagePart): Promise<void>
  /** What was written so far is in the file: a crash of this process does not lose it. */
  flush(): Promise<void>
  end(): Promise<void>
  /** Whether the reply is whole on disk, */
  readonly isWhole: boolean
  /** and also where every machine can read it. */
  readonly isShared: boolean
  close(): Promise<void>
}

export interface SpoolOptions {
  folder: string
  shared?: SharedSpool | undefined
  log: Pick<Logger, 'error' | 'warn'>
}

/** How long a reply that is already on this disk waits for the shared storage. */
const shareMs = 30_000

export function createSpool({ folder, shared, log }: SpoolOptions): Spool {
  const share = async (attemptId: string, files: SpoolFiles): Promise<boolean> => {
    if (!shared) return false
    try {
      await shared.put(attemptId, { files, signal: AbortSignal.timeout(shareMs) })
      return true
    } catch (error) {
      log.warn({ err: error, attemptId }, 'cannot share a reply: it is on the disk of this machine only')
      return false
    }
  }
  const readLocal = (attemptId: string, name: string) =>
    readEnvelope(createReadStream(join(folder, name)), (number, start) =>
      createReadStream(join(folder, imageName(attemptId, number)), { start }),
    )
  let id: Promise<string> | undefined
  return {
    id: () => {
      id ??= readFolderId(folder)
      return id
    },
    isShared: shared !== undefined,
    open: async (attemptId) => {
      const writer = new Writer(folder, attemptId, {
        share: (files) => share(attemptId, files),
        onFault: (error) =>
          log.error({ err: error, attemptId }, 'cannot spool a reply: it is received without a copy on disk'),
      })
      await writer.open()
      return writer
    },
    find: async (attemptId) => {
      const [part, reply] = [partName(attemptId), replyName(attemptId)]
      if (await isThere(join(folder, reply)))
        return { isWhole: true, isShared: false, read: () => readLocal(attemptId, reply) }
      if (shared && (await shared.has(attemptId)))
        return { isWhole: true, isShared: true, read: () => shared.read(attemptId) }
      return (await isThere(join(folder, part)))
        ? { isWhole: false, isShared: false, read: () => readLocal(attemptId, part) }
        : null
    },
    remove: async (attemptId) => {
      await removeFile(join(folder, partName(attemptId)))
      await removeFile(join(folder, replyName(attemptId)))
      let isMore = true
      for (let number = 0; isMore; number++)
        isMore = await removeFile(join(folder, imageName(attemptId, number)))
      // What cannot be removed now is swept later.
      await shared
        ?.remove(attemptId)
        .catch((error) => log.warn({ err: error, attemptId }, 'a shared reply was left behind'))
    },
    listShared: async (signal) => (shared ? Array.fromAsync(shared.list(signal)) : []),
    list: async () => {
      const names = await readdir(folder).catch(() => [])
      const found = names.map(async (name) => {
        const attemptId = attemptOf(name)
        if (attemptId === null) return null
        const facts = await stat(join(folder, name)).catch(() => null)
        return facts && { attemptId, modifiedAt: facts.mtime }
      })
      return (await Promise.all(found)).filter((file) => file !== null)
    },
  }
}

/** Only ENOENT means that there is no reply; any other error of the disk is thrown. */
async function isThere(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

/** Beside the folder, which holds nothing but replies. Several processes may make it at the same moment. */
async function readFolderId(folder: string): Promise<string> {
  const path = `${folder}.id`
  const mine = `${path}.${process.pid}`
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await writeFile(mine, randomUUID(), { mode: 0o600 })
  try {
    await link(mine, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await removeFile(mine)
  }
  return (await readFile(path, 'utf8')).trim()
}

interface WriterOptions {
  share: (files: SpoolFiles) => Promise<boolean>
  onFault: (error: unknown) => void
}

/** The folder is there already, but for the first time. */
async function openIn(folder: string, path: string): Promise<FileHandle> {
  const create = () => open(path, 'w', 0o600)
  return create().catch(async (error) => {
    if (error.code !== 'ENOENT') throw error
    await mkdir(folder, { recursive: true, mode: 0o700 })
    return create()
  })
}

class Writer implements SpoolWriter {
  readonly #folder: string
  readonly #attemptId: string
  readonly #options: WriterOptions
  readonly #images: SpooledImage[] = []
  /** The files of images that the reply has in it. */
  readonly #placed = new Map<number, string>()
  #file: FileHandle | null = null
  #pieces: PieceWriter | null = null
  isWhole = false
  isShared = false

  constructor(folder: string, attemptId: string, options: WriterOptions) {
    this.#folder = folder
    this.#attemptId = attemptId
    this.#options = options
  }

  open(): Promise<void> {
    return this.#try(async () => {
      this.#file = await openIn(this.#folder, this.#pathOf(partName(this.#attemptId)))
      this.#pieces = new PieceWriter(this.#file)
      await this.#pieces.write(envelopeStart)
    })
  }

  write(chunk: Uint8Array): Promise<void> {
    return this.#try(async () => {
      for (const piece of textFrame(chunk)) await this.#pieces?.write(piece)
    })
  }

  openImage(): SpooledImage | null {
    if (!this.#file) return null
    const number = this.#images.length
    const image = new SpooledImage(number, this.#pathOf(imageName(this.#attemptId, number)), (error) =>
      this.#giveUp(error),
    )
    this.#images.push(image)
    return image
  }

  /** The bytes of an image are in its file before the reply speaks of them. */
  writeImage(part: ImagePart): Promise<void> {
    return this.#try(async () => {
      const image = this.#images[part.image]
      if (!image || !this.#pieces) return
      await image.flush()
      this.#placed.set(image.number, image.path)
      await this.#pieces.write(imageFrame(part))
    })
  }

  flush(): Promise<void> {
    return this.#try(async () => await this.#pieces?.flush())
  }

  end(): Promise<void> {
    return this.#try(async () => {
      if (!this.#file) return
      await Promise.all(this.#images.map((image) => image.sync()))
      await this.#pieces?.flush()
      await this.#file.sync()
      await this.#close()
      const envelope = this.#pathOf(replyName(this.#attemptId))
      await rename(this.#pathOf(partName(this.#attemptId)), envelope)
      await syncFolder(this.#folder)
      this.isWhole = true
      this.isShared = await this.#options.share({ envelope, images: this.#placed })
    })
  }

  async close(): Promise<void> {
    await this.flush()
    await this.#close()
    // Where the reply was given up, an image may still be on its way.
    for (const image of this.#images) await image.close().catch(this.#options.onFault)
  }

  async #close(): Promise<void> {
    const file = this.#file
    this.#file = null
    this.#pieces = null
    await file?.close()
  }

  #pathOf(name: string): string {
    return join(this.#folder, name)
  }

  async #try(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      await this.#giveUp(error)
    }
  }

  /** A reply with a gap cannot be used, and the disk needs the room. An image that is whole may still be kept. */
  async #giveUp(error: unknown): Promise<void> {
    this.#options.onFault(error)
    await this.#close().catch(() => {})
    await removeFile(this.#pathOf(partName(this.#attemptId))).catch(() => {})
  }
}

/** A rename is only durable once its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
