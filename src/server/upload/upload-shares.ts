import { EaselError } from '../../errors.ts'
import type { ServerLimits } from '../server-limits.ts'

type ShareLimits = Pick<
  ServerLimits,
  | 'maxConcurrentUploads'
  | 'maxUploadsPerUser'
  | 'maxWaitingUploadsPerUser'
  | 'uploadWaitMs'
  | 'maxStagedBytesPerUser'
>

/** What one request with files holds of its user's share. */
export interface UploadShare {
  /** Counts bytes that came; throws RATE_LIMITED where they are too many. */
  take(bytes: number): void
  /** The body has been read, or given up: the next of the user may begin. */
  endBody(): void
  /** The files are gone. */
  release(): void
}

export interface UploadShares {
  /** Waits while the user's other uploads are received. Throws where there is no room for one more. */
  open(userId: string, signal: AbortSignal): Promise<UploadShare>
}

interface UserUploads {
  receiving: number
  bytes: number
  readonly waiting: Set<() => void>
}

/** Divides what uploads need among users: places to be received in, and room on the disk. */
export function createUploadShares(limits: ShareLimits): UploadShares {
  const users = new Map<string, UserUploads>()
  let receiving = 0
  const uploadsOf = (userId: string) => {
    const uploads = users.get(userId) ?? { receiving: 0, bytes: 0, waiting: new Set() }
    users.set(userId, uploads)
    return uploads
  }
  const forgetIdle = (userId: string, uploads: UserUploads) => {
    const { receiving: own, bytes } = uploads
    if (own === 0 && bytes === 0 && users.get(userId) === uploads) users.delete(userId)
  }
  const begin = async (uploads: UserUploads, signal: AbortSignal) => {
    if (uploads.receiving >= limits.maxUploadsPerUser) return await waitForTurn(uploads, limits, signal)
    if (receiving >= limits.maxConcurrentUploads) throw tooManyUploads()
    receiving += 1
    uploads.receiving += 1
  }
  const end = (uploads: UserUploads) => {
    const [next] = uploads.waiting
    // A place goes straight to the user's next upload, so both counts stay.
    if (next) return next()
    receiving -= 1
    uploads.receiving -= 1
  }
  return {
    async open(userId, signal) {
      const uploads = uploadsOf(userId)
      try {
        await begin(uploads, signal)
      } finally {
        forgetIdle(userId, uploads)
      }
      return openShare(uploads, {
        maxBytes: limits.maxStagedBytesPerUser,
        onBodyEnd: () => end(uploads),
        onRelease: () => forgetIdle(userId, uploads),
      })
    },
  }
}

interface ShareOptions {
  readonly maxBytes: number
  onBodyEnd(): void
  onRelease(): void
}

function openShare(uploads: UserUploads, { maxBytes, onBodyEnd, onRelease }: ShareOptions): UploadShare {
  let taken = 0
  let isReceiving = true
  const endBody = () => {
    if (isReceiving) onBodyEnd()
    isReceiving = false
  }
  return {
    take(bytes) {
      if (uploads.bytes + bytes > maxBytes) throw tooManyBytes(maxBytes)
      uploads.bytes += bytes
      taken += bytes
    },
    endBody,
    release() {
      endBody()
      uploads.bytes -= taken
      taken = 0
      onRelease()
    },
  }
}

function waitForTurn({ waiting }: UserUploads, limits: ShareLimits, signal: AbortSignal): Promise<void> {
  if (waiting.size >= limits.maxWaitingUploadsPerUser) throw tooManyOfUser(limits.maxUploadsPerUser)
  return new Promise((resolve, reject) => {
    const leave = (reason: unknown) => {
      stop()
      reject(reason)
    }
    const onAbort = () => leave(signal.reason)
    const timer = setTimeout(() => leave(tooManyOfUser(limits.maxUploadsPerUser)), limits.uploadWaitMs)
    const enter = () => {
      stop()
      resolve()
    }
    const stop = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      waiting.delete(enter)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    waiting.add(enter)
  })
}

function tooManyUploads(): EaselError {
  const details = { reason: 'TOO_MANY_UPLOADS', retryAfterMs: 2_000 } as const
  return new EaselError('UNAVAILABLE', 'Too many uploads are being received', details)
}

function tooManyOfUser(allowed: number): EaselError {
  const details = { reason: 'TOO_MANY_UPLOADS_OF_USER', allowed, retryAfterMs: 2_000 } as const
  return new EaselError('RATE_LIMITED', 'Too many uploads of this user are being received', details)
}

function tooManyBytes(allowed: number): EaselError {
  const details = { reason: 'TOO_MANY_UPLOADED_BYTES', allowed, retryAfterMs: 2_000 } as const
  return new EaselError('RATE_LIMITED', 'The unfinished uploads of this user are too large together', details)
}
