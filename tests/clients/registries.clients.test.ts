import { REGISTRY_KINDS, startRegistry } from '@sluice/testkit'
import { describeRegistry } from '../copy/registry-contract.ts'

for (const kind of REGISTRY_KINDS) {
  describeRegistry(kind, async () => ({ ...(await startRegistry(kind)), prefix: '' }))
}
