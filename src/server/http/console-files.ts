import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'

/** The page may run and fetch only its own files. Images may also be `blob:` and `data:`: those a user has chosen. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const contentTypes: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** The names of built assets hold their hash, so they never change. */
const forever = 'public, max-age=31536000, immutable'

export type ServeConsole = (request: Request) => Promise<Response | null>

/**
 * Serves the console as it was built, from memory: it is about a megabyte. Only paths that were found in the folder at
 * the start are answered, so no path of a request ever reaches the file system. Null where nothing was built.
 */
export async function createServeConsole(options: {
  folder: string
  /** Images may be shown from this address too, since it may differ from the console's. */
  publicUrl: string
}): Promise<ServeConsole | null> {
  const { folder, publicUrl } = options
  if (!existsSync(join(folder, 'index.html'))) return null
  const files = await readFiles(folder)
  const contentSecurityPolicy = policy.replace(
    "img-src 'self'",
    `img-src 'self' ${new URL(publicUrl).origin}`,
  )
  return async (request) => {
    const { pathname } = new URL(request.url)
    const path = pathname === '/' ? '/index.html' : pathname
    const file = files.get(path)
    if (!file) return null
    return new Response(request.method === 'HEAD' ? null : file.bytes, {
      headers: {
        'content-type': file.contentType,
        'content-length': `${file.bytes.byteLength}`,
        'content-security-policy': contentSecurityPolicy,
        'cache-control': path.startsWith('/assets/') ? forever : 'no-cache',
      },
    })
  }
}

interface ConsoleFile {
  bytes: Uint8Array<ArrayBuffer>
  contentType: string
}

async function readFiles(folder: string): Promise<Map<string, ConsoleFile>> {
  const names = await readdir(folder, { recursive: true })
  const files = new Map<string, ConsoleFile>()
  for (const name of names) {
    const contentType = contentTypes[extname(name)]
    if (contentType) {
      const bytes = new Uint8Array(await readFile(join(folder, name)))
      files.set(`/${name.replaceAll('\\', '/')}`, { bytes, contentType })
    }
  }
  return files
}
