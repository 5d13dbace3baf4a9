import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Exchange } from './exchange.ts'

export interface HttpMetrics {
  finish(exchange: Pick<Exchange, 'route' | 'method'>, status: number, seconds: number): void
  addUploadBytes(count: number): void
  setOpenStreams(count: number): void
  /** The whole registry in Prometheus' text format; null without a registry. */
  print(): Promise<{ contentType: string; text: string } | null>
}

export function createHttpMetrics(registry: Registry | null): HttpMetrics {
  if (!registry) {
    return { finish: () => {}, addUploadBytes: () => {}, setOpenStreams: () => {}, print: async () => null }
  }
  const registers = [registry]
  const labelNames = ['route', 'method', 'status'] as const
  const requests = new Counter({
    name: 'easel_http_requests_total',
    help: 'Answered HTTP requests',
    labelNames,
    registers,
  })
  const duration = new Histogram({
    name: 'easel_http_request_duration_seconds',
    help: 'Time from the request line to the end of the answer, event streams included',
    labelNames,
    // From a cached query to an edit whose caller waits for the result.
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 30, 60, 180, 600],
    registers,
  })
  const uploads = new Counter({
    name: 'easel_http_upload_bytes_total',
    help: 'Bytes received in multipart requests',
    registers,
  })
  const streams = new Gauge({
    name: 'easel_http_open_streams',
    help: 'Open and reserved event streams',
    registers,
  })
  return {
    finish({ route, method }, status, seconds) {
      const labels = { route, method, status: String(status) }
      requests.inc(labels)
      duration.observe(labels, seconds)
    },
    addUploadBytes: (count) => uploads.inc(count),
    setOpenStreams: (count) => streams.set(count),
    print: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  }
}
