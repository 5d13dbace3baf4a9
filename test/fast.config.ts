import { configDefaults, mergeConfig } from 'vitest/config'
import config from './vitest.config.ts'

/** Rooms whose tests start gateways, browsers or servers. */
const slow = [
  'abuse',
  'admin',
  'bench',
  'clients',
  'console',
  'database',
  'faults',
  'gateway',
  'kit',
  'readme',
]

/** Of the others: what starts a process, or needs a server or a heap of its own. */
const apart = [
  'images/memory',
  'images/real-s3',
  'operations/lease-renewal',
  'operations/mend-operations',
  'operations/source-images',
  'providers/flat-memory',
  'sandbox/main',
  'server/upload-memory',
  'usage/reservation',
  'usage/reservation-crash',
]

/** For the desk: no processes, no browser. */
export default mergeConfig(config, {
  test: {
    exclude: [
      ...configDefaults.exclude,
      ...slow.map((room) => `test/${room}/**`),
      ...apart.map((name) => `test/${name}.test.ts`),
    ],
  },
})
