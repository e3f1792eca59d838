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
export { type Edge, type Manifest, MANIFEST_LIMIT, parseManifest, successors } from './manifest.ts'
export {
  type ClosureNode,
  GRAPH_BYTES_LIMIT,
  GRAPH_DEPTH_LIMIT,
  GRAPH_NODE_LIMIT,
  type ManifestReader,
  walkClosure,
} from './graph.ts'
