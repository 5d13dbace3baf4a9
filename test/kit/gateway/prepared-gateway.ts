import { glob, readFile, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { build, type Plugin } from 'vite'
import { prepareFolder } from '../database/prepared-folder.ts'

const root = join(import.meta.dirname, '../../..')
const entry = 'test/kit/gateway/gateway-entry.ts'
const fileName = 'gateway-entry.mjs'
const sources = ['src/**/*.ts', 'test/kit/**/*.ts']
/** These load WebAssembly and native code from beside their own files. */
const apart = [
  'sharp',
  '@electric-sql/pglite',
  '@electric-sql/pglite-prepopulatedfs',
  '@prisma/client',
  'pg-native',
]

let prepared: Promise<string> | undefined

/**
 * The gateway of the fault tests in one file. A gateway is started some hundred times, and its 1,500 modules take twice
 * as long to load one by one.
 */
export function prepareGateway(): Promise<string> {
  prepared ??= findFacts().then((facts) => prepareFolder({ name: 'gateway', facts, make }))
  return prepared.then((folder) => join(folder, fileName))
}

async function findFacts(): Promise<string[]> {
  const names = (await Array.fromAsync(glob(sources, { cwd: root }))).sort()
  return [root, ...names, ...(await Promise.all(names.map((name) => readFile(join(root, name), 'utf8'))))]
}

async function make(folder: string): Promise<void> {
  await build({
    root,
    configFile: false,
    logLevel: 'error',
    plugins: [ownFolders],
    // Node resolves graphql to its CommonJS build, Vite to the other one: two copies do not know each other's types.
    resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
    ssr: { noExternal: true, external: apart },
    build: {
      ssr: entry,
      outDir: folder,
      emptyOutDir: false,
      target: 'node24',
      rolldownOptions: { output: { entryFileNames: fileName, chunkFileNames: '[name]-[hash].mjs' } },
    },
  })
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
}

/** A file of `src/` looks for other files of the project from where it lies itself. */
const ownFolders: Plugin = {
  name: 'own-folders',
  transform(code, id) {
    if (!id.startsWith(join(root, 'src'))) return null
    return code.replaceAll('import.meta.dirname', JSON.stringify(dirname(id)))
  },
}
