import type { BlobReader, Store } from '@sluice/store'
import type { Logger } from 'pino'
import type { FloodGate } from './flood.ts'
import type { Metrics } from './metrics.ts'
import type { TokenKeys } from './registry/key.ts'
import type { Watch } from './watch.ts'

/** What every call works with. */
export type Services = {
  readonly store: Store
  /** The name fixed at first start: issuer and audience of registry tokens. */
  readonly instance: string
  readonly keys: TokenKeys
  /** What the secrets of ticket keys are derived from. */
  readonly secret: Uint8Array
  /** Where evidence that hangs on images is read. */
  readonly storage: BlobReader
  readonly watch: Watch
  readonly flood: FloodGate
  readonly metrics: Metrics
  readonly log: Logger
  readonly publicUrl: string | undefined
}
