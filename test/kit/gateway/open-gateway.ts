import { once } from 'node:events'
import type { AppOptions } from '../../../src/app/app-options.ts'
import { type App, createApp } from '../../../src/app.ts'
import { parseConfig } from '../../../src/config/config.ts'
import { readEnv } from '../../../src/config/env.ts'
import { holdPort } from '../network/held-port.ts'
import type { GatewayOptions } from './gateway-options.ts'

/** What only its own process can give it. */
export type GatewayHooks = Omit<AppOptions, 'config' | 'secrets' | 'databaseTimeouts'>

export interface OpenGateway {
  app: App
  url: string
}

/** The whole real gateway, as `src/main.ts` starts it. Without a `PORT` it has one that was free. */
export async function openGateway(
  options: GatewayOptions & { folder: string },
  hooks: GatewayHooks,
): Promise<OpenGateway> {
  const held = options.env?.PORT ? null : await holdPort()
  try {
    const { config, secrets } = configure(options, held?.port)
    const { databaseTimeouts } = options
    const app = await createApp({ config, secrets, ...hooks, ...(databaseTimeouts && { databaseTimeouts }) })
    if (held) app.server.listen(held.holder)
    else app.server.listen(config.port, config.host)
    await once(app.server, 'listening')
    return { app, url: config.publicUrl }
  } catch (error) {
    held?.letGo()
    throw error
  }
}

function configure(options: GatewayOptions & { folder: string }, port: number | undefined) {
  const { env, file = null, folder, databaseUrl, limits, retention } = options
  const { config, secrets } = parseConfig(
    readEnv({
      PORT: port?.toString(),
      EASEL_DATA_DIR: folder,
      EASEL_CONFIG: 'easel.yaml',
      DATABASE_URL: databaseUrl ?? undefined,
      ...env,
    }),
    file,
  )
  Object.assign(config.limits, limits)
  Object.assign(config.retention, retention)
  return { config, secrets }
}
