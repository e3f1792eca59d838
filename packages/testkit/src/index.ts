export { type Authority, type Certificate, makeAuthority } from './certificates.ts'
export { type ConnectProxy, startConnectProxy } from './connect-proxy.ts'
export { type Fault, type FaultRule, type FlakyProxy, startFlakyProxy } from './flaky-proxy.ts'
export {
  indexOf,
  type LayoutBlob,
  type LayoutImage,
  onArchitecture,
  referrerTo,
  writeLayout,
} from './layout.ts'
export {
  cloneDatabase,
  emptyDatabase,
  type TestDatabase,
  type TestPostgres,
  testPostgres,
} from './postgres.ts'
export {
  type Link,
  plain,
  type PushedImage,
  pushBlob,
  pushImage,
  pushIndex,
  pushManifest,
} from './push.ts'
export { wantProgram } from './programs.ts'
export {
  freePort,
  REGISTRY_KINDS,
  type RegistryKind,
  type RegistryNeeds,
  type RunningRegistry,
  startRegistry,
} from './registries.ts'
export { startTokenGate, type TokenGate } from './token-gate.ts'
export { until } from './wait.ts'
