import { createReadStream } from 'node:fs'
import { access, type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import type { Logger } from 'pino'

/**
 * Raw replies of paid calls, on disk before anything is done with them: `<attempt>.part` while a reply arrives, synced
 * and renamed to `<attempt>.reply` when it is whole. A reply that was paid for survives a crash of everything after it.
 */
export interface Spool {
  open(attemptId: string): Promise<SpoolWriter>
  /** Whether there is a whole reply, on this machine. */
  has(attemptId: string): Promise<boolean>
  /** Opens it: whoever asks for it reads it. */
  read(attemptId: string): AsyncIterable<Uint8Array>
  remove(attemptId: string): Promise<void>
  /** The attempts of which there is anything, with the time of the last write. */
  list(): Promise<{ attemptId: string; modifiedAt: Date }[]>
}

export interface SpoolWriter {
  /** Never fails: without room on the disk the reply is still read, only not kept. */
  write(chunk: Uint8Array): Promise<void>
  end(): Promise<void>
  /** Whether the reply is whole on disk. */
  readonly isWhole: boolean
  /** What is not whole by now is worth nothing: it is removed. */
  close(): Promise<void>
}

export function createSpool(folder: string, log: Pick<Logger, 'error'>): Spool {
  const files = (attemptId: string): SpoolFiles => ({
    part: join(folder, `${attemptId}.part`),
    reply: join(folder, `${attemptId}.reply`),
  })
  return {
    open: async (attemptId) => {
      const writer = new Writer(files(attemptId), (error) =>
        log.error({ err: error, attemptId }, 'cannot spool a reply: it is received without a copy on disk'),
      )
      await writer.open(folder)
      return writer
    },
    has: (attemptId) =>
      access(files(attemptId).reply).then(
        () => true,
        () => false,
      ),
    read: (attemptId) => createReadStream(files(attemptId).reply),
    remove: async (attemptId) => {
      const { part, reply } = files(attemptId)
      await rm(part, { force: true })
      await rm(reply, { force: true })
    },
    list: async () => {
      const names = await readdir(folder).catch(() => [])
      const found = names.map(async (name) => {
        const facts = await stat(join(folder, name)).catch(() => null)
        return facts && { attemptId: basename(name, extname(name)), modifiedAt: facts.mtime }
      })
      return (await Promise.all(found)).filter((file) => file !== null)
    },
  }
}

interface SpoolFiles {
  part: string
  reply: string
}

class Writer implements SpoolWriter {
  readonly #files: SpoolFiles
  readonly #onFault: (error: unknown) => void
  #file: FileHandle | null = null
  isWhole = false

  constructor(files: SpoolFiles, onFault: (error: unknown) => void) {
    this.#files = files
    this.#onFault = onFault
  }

  open(folder: string): Promise<void> {
    return this.#try(async () => {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      this.#file = await open(this.#files.part, 'w', 0o600)
    })
  }

  write(chunk: Uint8Array): Promise<void> {
    return this.#try(async () => {
      for (let offset = 0; this.#file && offset < chunk.length; ) {
        offset += (await this.#file.write(chunk, offset)).bytesWritten
      }
    })
  }

  end(): Promise<void> {
    return this.#try(async () => {
      if (!this.#file) return
      await this.#file.sync()
      await this.#closeFile()
      await rename(this.#files.part, this.#files.reply)
      await syncFolder(this.#files.reply)
      this.isWhole = true
    })
  }

  async close(): Promise<void> {
    await this.#closeFile()
    if (!this.isWhole) await rm(this.#files.part, { force: true })
  }

  async #closeFile(): Promise<void> {
    const file = this.#file
    this.#file = null
    await file?.close()
  }

  async #try(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.#onFault(error)
      await this.close().catch(() => {})
    }
  }
}

/** A rename is only durable once its folder is. */
async function syncFolder(path: string): Promise<void> {
  const handle = await open(join(path, '..'), 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
