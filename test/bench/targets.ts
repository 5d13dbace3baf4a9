import { startChild } from './child.ts'
import { gatewayStories } from './gateway-stories.ts'
import { openaiStories } from './openai-stories.ts'
import type { OwnFigures } from './own-figures.ts'
import { plainStories } from './plain-stories.ts'
import type { Stories } from './story.ts'
import type { Target, TargetOptions } from './target.ts'

export const targetNames = ['direct', 'raw', 'plain', 'gateway'] as const
export type PerTarget<Value> = Record<(typeof targetNames)[number], Value>

export type Targets = PerTarget<Target> & AsyncDisposable

/** All of them at once: they take turns, so that whatever else the machine does meets each. */
export async function startTargets(options: TargetOptions): Promise<Targets> {
  const targets = {
    direct: { url: options.providerUrl, stories: openaiStories, process: null },
    raw: await startTarget('raw-pipe.ts', openaiStories, options),
    plain: await startTarget('plain-server.ts', plainStories, options),
    gateway: await startTarget('gateway.ts', gatewayStories, options),
  }
  const stop = async () => {
    for (const name of targetNames) await targets[name].process?.stop()
  }
  return { ...targets, [Symbol.asyncDispose]: stop }
}

async function startTarget(file: string, stories: Stories, options: TargetOptions) {
  const process = await startChild<'figures', OwnFigures>(file, options)
  return { url: process.url, stories, process }
}
