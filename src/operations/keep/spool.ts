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
import { basename, dirname, extname, join } from 'node:path'
import type { Logger } from 'pino'
import { PieceWriter } from '../../images/piece-writer.ts'
import { removeFile } from '../../images/temporary-files.ts'
import type { SharedSpool } from './shared-spool.ts'

/**
 * Raw replies of paid calls. A reply is on disk before it is used: as `<attempt>.part` while it arrives, then synced and
 * renamed to `<attempt>.reply` when it is complete. So a paid reply survives a crash. A part of one is used as well: its
 * last byte may have been written just before the crash. Where several machines share a storage, a complete reply is
 * copied there before it is used.
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

export interface SpoolWriter {
  /** Never fails: on a full disk the reply is still received, but not kept. The chunk must not change afterwards. */
  write(chunk: Uint8Array): Promise<void>
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
  const share = async (attemptId: string, file: string): Promise<boolean> => {
    if (!shared) return false
    try {
      const { size: byteSize } = await stat(file)
      await shared.put(attemptId, { file, byteSize, signal: AbortSignal.timeout(shareMs) })
      return true
    } catch (error) {
      log.warn({ err: error, attemptId }, 'cannot share a reply: it is on the disk of this machine only')
      return false
    }
  }
  const files = (attemptId: string): SpoolFiles => ({
    part: join(folder, `${attemptId}.part`),
    reply: join(folder, `${attemptId}.reply`),
  })
  let id: Promise<string> | undefined
  return {
    id: () => {
      id ??= readFolderId(folder)
      return id
    },
    isShared: shared !== undefined,
    open: async (attemptId) => {
      const writer = new Writer(files(attemptId), {
        share: (file) => share(attemptId, file),
        onFault: (error) =>
          log.error({ err: error, attemptId }, 'cannot spool a reply: it is received without a copy on disk'),
      })
      await writer.open(folder)
      return writer
    },
    find: async (attemptId) => {
      const { part, reply } = files(attemptId)
      if (await isThere(reply)) return { isWhole: true, isShared: false, read: () => createReadStream(reply) }
      if (shared && (await shared.has(attemptId)))
        return { isWhole: true, isShared: true, read: () => shared.read(attemptId) }
      return (await isThere(part))
        ? { isWhole: false, isShared: false, read: () => createReadStream(part) }
        : null
    },
    remove: async (attemptId) => {
      const { part, reply } = files(attemptId)
      await removeFile(part)
      await removeFile(reply)
      // What cannot be removed now is swept later.
      await shared
        ?.remove(attemptId)
        .catch((error) => log.warn({ err: error, attemptId }, 'a shared reply was left behind'))
    },
    listShared: async (signal) => (shared ? Array.fromAsync(shared.list(signal)) : []),
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

interface SpoolFiles {
  part: string
  reply: string
}

interface WriterOptions {
  share: (file: string) => Promise<boolean>
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
  readonly #files: SpoolFiles
  readonly #options: WriterOptions
  #file: FileHandle | null = null
  #pieces: PieceWriter | null = null
  isWhole = false
  isShared = false

  constructor(files: SpoolFiles, options: WriterOptions) {
    this.#files = files
    this.#options = options
  }

  open(folder: string): Promise<void> {
    return this.#try(async () => {
      this.#file = await openIn(folder, this.#files.part)
      this.#pieces = new PieceWriter(this.#file)
    })
  }

  write(chunk: Uint8Array): Promise<void> {
    return this.#try(async () => await this.#pieces?.write(chunk))
  }

  flush(): Promise<void> {
    return this.#try(async () => await this.#pieces?.flush())
  }

  end(): Promise<void> {
    return this.#try(async () => {
      if (!this.#file) return
      await this.#pieces?.flush()
      await this.#file.sync()
      await this.#close()
      await rename(this.#files.part, this.#files.reply)
      await syncFolder(this.#files.reply)
      this.isWhole = true
      this.isShared = await this.#options.share(this.#files.reply)
    })
  }

  async close(): Promise<void> {
    await this.flush()
    await this.#close()
  }

  async #close(): Promise<void> {
    const file = this.#file
    this.#file = null
    this.#pieces = null
    await file?.close()
  }

  async #try(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.#options.onFault(error)
      await this.#close().catch(() => {})
      // A reply with a gap cannot be used, and the disk needs the room.
      await removeFile(this.#files.part).catch(() => {})
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
