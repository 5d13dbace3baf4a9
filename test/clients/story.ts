import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { adminKey, bearer, type GuardedGateway, startGuardedGateway } from '../kit/gateway/accounts.ts'
import { photoFile } from '../kit/photo.ts'
import { type CuttingProxy, openCuttingProxy } from './cutting-proxy.ts'
import type { EditedOperation, EditInput, ImageEvent, UsageReport } from './documents.ts'

/** What the story asks of a client. */
export interface StoryClient {
  edit(input: EditInput, photo: Blob): Promise<EditedOperation>
  /** The events behind `after`, over a cut of the connection. */
  follow(id: string, after: number): AsyncIterable<ImageEvent>
  usage(): Promise<UsageReport>
  /** What the client makes of an error: the code of the gateway. */
  codeOf(error: unknown): unknown
  close?(): void
}

export type Connect = (easel: string, headers: Record<string, string>) => StoryClient

/**
 * The same story for every client: edit a photo and wait, start another edit and watch it over a cut of the
 * connection, come back later, read the usage, and be refused with a wrong key.
 */
export function tellStory(ways: Record<string, Connect>): void {
  describe.each(Object.entries(ways))('%s', (_way, connect) => {
    let gateway: GuardedGateway
    let proxy: CuttingProxy
    let client: StoryClient
    beforeAll(async () => {
      gateway = await startGuardedGateway()
      proxy = await openCuttingProxy(gateway.url)
      client = connect(proxy.url, bearer(adminKey))
    })
    afterAll(async () => {
      client.close?.()
      await proxy.close()
      await gateway[Symbol.asyncDispose]()
    })

    /** A client for one case, with a key of its own. */
    const connectAs = (key: string): StoryClient => {
      const own = connect(proxy.url, bearer(key))
      onTestFinished(() => own.close?.())
      return own
    }

    test('edits a photo and waits for the image', async () => {
      const operation = await client.edit({ prompt: 'a red rose', quality: 'LOW' }, await photoFile())
      expect(operation).toMatchObject({ status: 'SUCCEEDED', done: true, error: null })
      const image = await fetch(operation.response?.data[0]?.url ?? '')
      expect([image.status, image.headers.get('content-type')]).toEqual([200, 'image/png'])
      await image.arrayBuffer()
    })

    test('follows an edit over a cut connection without losing or repeating an event', async () => {
      const input = { prompt: 'three states', quality: 'LOW', stream: true, partialImages: 3 } as const
      const { id, done } = await client.edit(input, await photoFile())
      expect(done).toBe(false)
      proxy.cutBehindNextEvent()
      const seen = await Array.fromAsync(client.follow(id, 0))
      expect(proxy.cuts).toBe(1)
      expect(seen.map(({ type }) => type)).toEqual([
        'image_edit.partial_image',
        'image_edit.partial_image',
        'image_edit.partial_image',
        'image_edit.completed',
      ])
      expect(await Array.fromAsync(client.follow(id, 0))).toEqual(seen)
      expect(await Array.fromAsync(client.follow(id, seen[1]?.sequence ?? 0))).toEqual(seen.slice(2))
    })

    test('reads what was used', async () => {
      const { key } = await gateway.invite('Ada')
      const reader = connectAs(key)
      const { response } = await reader.edit({ prompt: 'a counted rose', quality: 'LOW' }, await photoFile())
      const { total, rows } = await reader.usage()
      expect(total).toMatchObject({ operations: 1, images: 1, totalTokens: `${response?.usage.totalTokens}` })
      expect(rows.map(({ kind }) => kind)).toEqual(['EDIT'])
      expect(Number(total.totalTokens)).toBeGreaterThan(0)
    })

    test('tells a wrong key by its code', async () => {
      const stranger = connectAs('a-key-of-nobody')
      const refusal = await stranger.usage().catch((error: unknown) => error)
      expect(stranger.codeOf(refusal)).toBe('UNAUTHENTICATED')
    })
  })
}

interface Observer<Value> {
  next(value: Value): void
  error(error: unknown): void
  complete(): void
}

/** What an observable gives, as an iterable. Leaving it unsubscribes. */
export async function* iterate<Value>(
  subscribe: (observer: Observer<Value>) => () => void,
): AsyncGenerator<Value> {
  let unsubscribe: () => void = () => {}
  const stream = new ReadableStream<Value>({
    start(controller) {
      unsubscribe = subscribe({
        next: (value) => controller.enqueue(value),
        error: (error) => controller.error(error),
        complete: () => controller.close(),
      })
    },
    cancel: () => unsubscribe(),
  })
  yield* stream
}
