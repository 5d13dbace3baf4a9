import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'
import { hangMs } from '../limits.ts'

/** The first one draws no windows around its pages, which takes half the time. */
const names = [
  'chromium-headless-shell',
  'chromium',
  'chromium-browser',
  'google-chrome-stable',
  'google-chrome',
]

/** Nothing the browser does by itself may leave this machine. */
const launchArguments = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** The path of an installed Chromium, or null. With CI=true it must be there. */
export function findChromium(): string | null {
  const folders = ['/usr/bin', ...(process.env.PATH ?? '').split(delimiter)]
  const paths = folders.flatMap((folder) => names.map((name) => join(folder, name)))
  const found = paths.find(existsSync) ?? null
  if (!found && process.env.CI === 'true')
    throw new Error('CI runs these tests in a real browser: install chromium-headless-shell')
  if (!found) console.warn('No Chromium here: the tests that need a browser are skipped')
  return found
}

export function launchChromium(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: launchArguments, timeout: hangMs })
}
