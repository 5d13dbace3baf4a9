import { readFileSync } from 'node:fs'
import { pino } from 'pino'
import { createApp } from './app.ts'
import { parseConfig } from './config/config.ts'
import { readEnv } from './config/env.ts'

const env = readEnv()

async function main(): Promise<void> {
  const fileText = env.configFile ? readFileSync(env.configFile, 'utf8') : null
  const { config, secrets } = parseConfig(env, fileText)
  const log = pino({ level: config.logLevel })
  const app = await createApp({ config, secrets, log })
  app.server.listen(config.port, config.host, () => {
    // Logs are for machines; whoever starts it by hand is told where to look.
    if (config.production)
      log.info({ url: config.publicUrl, pid: process.pid, access: app.access }, 'listening')
    else process.stdout.write(app.welcome)
  })

  let stopping = false
  const stop = (signal: NodeJS.Signals) => {
    // The second signal means it.
    if (stopping) process.exit(1)
    stopping = true
    log.info({ signal }, 'stopping: running operations may finish, a second signal ends them')
    app.close().then(
      () => process.exit(0),
      (error) => {
        log.error({ err: error }, 'stopping failed')
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}

main().catch((error: Error) => {
  // What the operator can mend has a message of its own; anything else needs its stack.
  const known = error.name === 'ConfigError' || error.name === 'EaselError'
  process.stderr.write(`${known ? error.message : error.stack}\n`)
  process.exit(1)
})
