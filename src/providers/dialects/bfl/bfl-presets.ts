import type { Preset } from '../dialect.ts'
import { describeFlux, fluxModels } from './bfl-models.ts'

export const bflPresets = {
  bfl: {
    dialect: 'bfl',
    // Passes tasks on to clusters in Europe and America; https://api.eu.bfl.ai/v1 stays in Europe.
    baseUrl: 'https://api.bfl.ai/v1',
    domain: 'bfl.ai',
    models: fluxModels,
    describeModel: describeFlux,
    authorize: ({ key }): Record<string, string> => (key ? { 'x-key': key } : {}),
    takes: ['apiKey'],
    wire: {},
  },
} as const satisfies Record<string, Preset>
