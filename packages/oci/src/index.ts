export * from './names.ts'
export { createHasher, digestOf, type Hasher, verifyBytes } from './digest.ts'
export {
  type Descriptor,
  DOCKER_CONFIG,
  DOCKER_LAYER_GZIP,
  DOCKER_MANIFEST,
  DOCKER_MANIFEST_LIST,
  DOCKER_SCHEMA1,
  DOCKER_SCHEMA1_SIGNED,
  MANIFEST_TYPES,
  NON_DISTRIBUTABLE_LAYERS,
  OCI_CONFIG,
  OCI_EMPTY,
  OCI_INDEX,
  OCI_LAYER,
  OCI_LAYER_GZIP,
  OCI_LAYER_ZSTD,
  OCI_MANIFEST,
  parseDescriptor,
  type Platform,
} from './descriptor.ts'
export { giveBack } from './give-back.ts'
export { nestsDeeper } from './json.ts'
export { type Edge, type Manifest, MANIFEST_LIMIT, parseManifest, successors } from './manifest.ts'
export {
  type ClosureNode,
  GRAPH_BYTES_LIMIT,
  GRAPH_DEPTH_LIMIT,
  GRAPH_NODE_LIMIT,
  type ManifestReader,
  walkClosure,
} from './graph.ts'
export { createRequestBudget, type RequestBudget } from './client/budget.ts'
export { RegistryError, type RegistryErrorCode } from './client/errors.ts'
export {
  type ClientLimits,
  type Credentials,
  DEFAULT_LIMITS,
  type RegistryOptions,
} from './client/options.ts'
export { referrersTag } from './client/referrers.ts'
export { openRegistry, type Registry } from './client/registry.ts'
export type { Repository, Resolved } from './client/repository.ts'
export { type Bandwidth, createBandwidth, LEAST_BANDWIDTH } from './copy/bandwidth.ts'
export { copyGraph, type CopyOptions, type CopyResult } from './copy/copy.ts'
export type { BlobJob, CopyDestination, CopySource, Placed } from './copy/ends.ts'
export { readBlob } from './copy/read.ts'
export { type CopyJournal, memoryJournal } from './copy/journal.ts'
export type { CopyProgress } from './copy/progress.ts'
export type { FoundReferrer } from './copy/referrers.ts'
export { Slots } from './copy/slots.ts'
export { type Verified, verifyGraph, type VerifyOptions } from './copy/verify.ts'
