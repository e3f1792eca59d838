import { type RegistryKind, startRegistry } from '@sluice/testkit'
import { describeRegistry } from '../copy/registry-contract.ts'

// zot joins them where a machine has it: it is not among the tools of `npm run test:clients`.
const kinds: readonly RegistryKind[] = ['docker-registry', 'distribution3']

for (const kind of kinds) {
  describeRegistry(kind, async () => ({ ...(await startRegistry(kind)), prefix: '' }))
}
