import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

const gateway = process.env.EASEL_GATEWAY ?? 'http://127.0.0.1:4000'

/** For a gateway that takes trusted documents only; it is not served. */
function persistedDocuments(): Plugin {
  const file = fileURLToPath(new URL('generated/persisted-documents.json', import.meta.url))
  return {
    name: 'persisted-documents',
    apply: 'build',
    generateBundle() {
      this.emitFile({
        type: 'asset',
        fileName: 'persisted-documents.json',
        source: readFileSync(file, 'utf8'),
      })
    },
  }
}

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  // Relative addresses, so that the page also works behind a path prefix.
  base: './',
  plugins: [react(), persistedDocuments()],
  build: {
    outDir: fileURLToPath(new URL('../../dist/console', import.meta.url)),
    emptyOutDir: true,
    target: 'es2023',
    // The content security policy has no `data:` for fonts and styles, and small files gain nothing from it.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 900,
  },
  server: {
    host: '127.0.0.1',
    proxy: Object.fromEntries(
      ['/graphql', '/images', '/usage.csv'].map((path) => [path, { target: gateway }]),
    ),
  },
})
