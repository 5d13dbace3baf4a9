import { pino } from 'pino'
import { openGateway } from '../kit/gateway/open-gateway.ts'
import { tellOwnFigures } from './own-figures.ts'
import type { TargetOptions } from './target.ts'

/* The gateway as `src/main.ts` starts it in production, with room for as many operations as a cell has at once. */

const { providerUrl, folder, databaseUrl, model, concurrency } = JSON.parse(
  process.argv[2] ?? '',
) as TargetOptions

let statements = 0
const takeStatements = () => {
  const taken = statements
  statements = 0
  return taken
}
const log = pino({ level: 'warn' }, pino.destination(process.stderr.fd))
const provider = { name: 'bench', preset: 'openai', baseUrl: `${providerUrl}/v1`, apiKey: 'sk-bench' }

const { app, url } = await openGateway(
  {
    folder,
    databaseUrl,
    env: { EASEL_AUTH: 'off', EASEL_URL_SECRET: 'a secret for the addresses of images' },
    file: JSON.stringify({
      providers: [{ ...provider, models: [model] }],
      limits: { concurrentOperations: concurrency },
    }),
  },
  { log, onQuery: () => void statements++ },
)

process.once('SIGTERM', () => void app.close().then(() => process.exit(0)))
tellOwnFigures(url, takeStatements)
