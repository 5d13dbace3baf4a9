import { parseArgs } from 'node:util'
import { type Sandbox, type SandboxOptions, startSandbox } from './sandbox.ts'

/** The sandbox on its own: `node src/sandbox/main.ts --port 4010`. Flags go before the environment. */
function readOptions(): SandboxOptions {
  const { values } = parseArgs({
    options: { port: { type: 'string' }, host: { type: 'string' }, delay: { type: 'string' } },
  })
  const { PORT, HOST, EASEL_SANDBOX_DELAY_MS, EASEL_SANDBOX_API_KEY } = process.env
  const apiKey = EASEL_SANDBOX_API_KEY
  return {
    host: values.host ?? HOST ?? '127.0.0.1',
    port: readInteger('port', values.port ?? PORT ?? '4010', 65_535),
    delayMs: readInteger('delay', values.delay ?? EASEL_SANDBOX_DELAY_MS ?? '400', 600_000),
    ...(apiKey ? { apiKey } : {}),
    onError: (error) => console.error(error),
  }
}

function readInteger(name: string, value: string, high: number): number {
  const integer = Number(value)
  if (/^\d+$/.test(value) && integer <= high) return integer
  throw new RangeError(`The ${name} must be a whole number from 0 to ${high}`)
}

function greet({ url }: Sandbox): void {
  console.log(`Easel sandbox (not a real image model) listens on ${url}`)
  console.log(
    `Try: curl -s ${url}/v1/images/generations -H 'content-type: application/json' ` +
      `-d '{"model":"gpt-image-1","prompt":"hills at sunset"}' | jq -r '.data[0].b64_json' | base64 -d > hills.png`,
  )
}

async function run(): Promise<void> {
  const stopping = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stopping.abort())
  const sandbox = await startSandbox(readOptions())
  greet(sandbox)
  if (!stopping.signal.aborted) {
    await new Promise((resolve) => stopping.signal.addEventListener('abort', resolve, { once: true }))
  }
  await sandbox.close()
}

try {
  await run()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
