import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'

const main = fileURLToPath(new URL('../../src/sandbox/main.ts', import.meta.url))
const running = new Set<ChildProcess>()

function run(args: string[], env: Record<string, string> = {}): ChildProcess {
  const { PATH = '' } = process.env
  const child = spawn(process.execPath, [main, ...args], {
    env: { PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  return child
}

afterEach(() => {
  for (const child of running) child.kill('SIGKILL')
  running.clear()
})

async function readGreeting(child: ChildProcess): Promise<string> {
  let text = ''
  for await (const chunk of child.stdout ?? []) {
    text += chunk
    if (text.split('\n').length > 2) break
  }
  return text
}

describe('the process', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'prints its address and a command, and ends on %s',
    async (signal) => {
      const child = run(['--port', '0'], { EASEL_SANDBOX_DELAY_MS: '0' })
      const greeting = await readGreeting(child)
      const url = /http:\/\/127\.0\.0\.1:\d+/.exec(greeting)?.[0] ?? ''
      expect(greeting).toContain(`curl -s ${url}/v1/images/generations`)
      expect(await (await fetch(url)).json()).toMatchObject({ name: 'Easel sandbox' })
      child.kill(signal)
      expect(await once(child, 'exit')).toEqual([0, null])
    },
  )

  it.each([
    [['--port', '99999'], {}, 'port'],
    [[], { PORT: '0', EASEL_SANDBOX_DELAY_MS: 'soon' }, 'delay'],
  ])('refuses to start with %o %o', async (args, env, name) => {
    const child = run(args, env as Record<string, string>)
    const errors: string[] = []
    child.stderr?.on('data', (chunk) => errors.push(String(chunk)))
    expect(await once(child, 'close')).toEqual([1, null])
    expect(errors.join('')).toContain(`The ${name} must be a whole number`)
  })
})
