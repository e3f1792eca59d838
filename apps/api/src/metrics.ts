import cluster from 'node:cluster'
import { AggregatorRegistry, Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client'

export type Metrics = ReturnType<typeof createMetrics>

/** What `/metrics` shows. Labelled by route and code: no digest, repository or person is ever a label. */
export function createMetrics() {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  if (cluster.isWorker) {
    AggregatorRegistry.setRegistries(registry)
    // From now on this process answers when the primary adds up.
    new AggregatorRegistry()
  }
  return {
    registry,
    requests: new Counter({
      name: 'sluice_http_requests_total',
      help: 'Answered requests',
      labelNames: ['route', 'method', 'code'],
      registers: [registry],
    }),
    seconds: new Histogram({
      name: 'sluice_http_request_seconds',
      help: 'From the first header to the end of the answer',
      labelNames: ['route'],
      buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600],
      registers: [registry],
    }),
    damagedBlobs: new Counter({
      name: 'sluice_damaged_blobs_total',
      help: 'Reads that found the storage without the bytes of a blob; the blob is quarantined',
      registers: [registry],
    }),
    refusals: new Counter({
      name: 'sluice_refusals_total',
      help: 'Refused calls of /api/v1, by the code of the problem document',
      labelNames: ['code'],
      registers: [registry],
    }),
  }
}
