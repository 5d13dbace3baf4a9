import { parseConfig } from '../../../src/config/config.ts'
import { readEnv } from '../../../src/config/env.ts'

/** The limits of a gateway that was told nothing. */
export const defaultLimits = parseConfig(readEnv({}), null).config.limits
