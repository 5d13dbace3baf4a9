import type { ModelDialect, Registering, RegistryEntry } from '../catalogue/model-registry.ts'
import { findDialect, type PresetName, presets } from './dialects/table.ts'

/** A provider's models as the catalogue makes them, from its preset and the dialects. */
export function toRegistering(entry: RegistryEntry & { preset: PresetName }): Registering {
  return { entry, preset: presets[entry.preset], findDialect: findModelDialect }
}

function findModelDialect(name: string): ModelDialect {
  const { sends, exchange } = findDialect(name)
  return { sends, idempotency: exchange.resume ? 'lookup' : 'none' }
}
