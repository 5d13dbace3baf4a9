import { execFile } from 'node:child_process'
import { mkdir, rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A file system of a few megabytes in a folder. */
export interface SmallDisk {
  /** Takes all the room that is left, but for so many bytes. */
  fill(leaveBytes?: number): Promise<void>
  /** Gives it back. */
  clear(): Promise<void>
  unmount(): Promise<void>
}

/** Null where this account may not mount anything, as in most containers. */
export async function mountSmallDisk(folder: string, megabytes: number): Promise<SmallDisk | null> {
  await mkdir(folder, { recursive: true })
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'easel-test', folder])
  } catch {
    console.warn('This account may not mount a file system: the tests of a full disk are skipped')
    return null
  }
  const ballast = join(folder, 'ballast')
  return {
    fill: async (leaveBytes = 0) => {
      const { bavail, bsize } = await statfs(folder)
      await writeFile(ballast, Buffer.alloc(bavail * bsize - leaveBytes)).catch(() => {})
    },
    clear: () => rm(ballast, { force: true }),
    unmount: async () => void (await run('umount', ['-l', folder])),
  }
}
