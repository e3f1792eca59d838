import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import * as oci from './index.ts'
import * as names from './names.ts'

const NAMES = [
  'FEED_NAME_LIMIT',
  'NAME_LIMIT',
  'OciError',
  'TAG_LIMIT',
  'isDigest',
  'isFeedName',
  'isRepositoryName',
  'isTag',
  'parseDigest',
  'parseFeedQualified',
  'parseImageReference',
]

test('the public face', () => {
  expect(Object.keys(names).sort()).toEqual(NAMES)
  expect(Object.keys(oci).sort()).toEqual(
    [
      ...NAMES,
      'DEFAULT_LIMITS',
      'DOCKER_CONFIG',
      'DOCKER_LAYER_GZIP',
      'DOCKER_MANIFEST',
      'DOCKER_MANIFEST_LIST',
      'DOCKER_SCHEMA1',
      'DOCKER_SCHEMA1_SIGNED',
      'GRAPH_BYTES_LIMIT',
      'GRAPH_DEPTH_LIMIT',
      'GRAPH_NODE_LIMIT',
      'LEAST_BANDWIDTH',
      'MANIFEST_LIMIT',
      'MANIFEST_TYPES',
      'NON_DISTRIBUTABLE_LAYERS',
      'OCI_CONFIG',
      'OCI_EMPTY',
      'OCI_INDEX',
      'OCI_LAYER',
      'OCI_LAYER_GZIP',
      'OCI_LAYER_ZSTD',
      'OCI_MANIFEST',
      'RegistryError',
      'Slots',
      'copyGraph',
      'createBandwidth',
      'createHasher',
      'createRequestBudget',
      'digestOf',
      'giveBack',
      'memoryJournal',
      'openRegistry',
      'nestsDeeper',
      'parseDescriptor',
      'parseManifest',
      'readBlob',
      'referrersTag',
      'successors',
      'verifyGraph',
      'verifyBytes',
      'walkClosure',
    ].sort(),
  )
})

test('the names run in a browser: they import each other and nothing else', () => {
  const imports = ['names', 'grammar', 'reference', 'errors'].flatMap((file) => {
    const source = readFileSync(new URL(`${file}.ts`, import.meta.url), 'utf8')
    return [...source.matchAll(/from '(.*)'/g)].map(([, path]) => path ?? '')
  })
  expect([...new Set(imports)].sort()).toEqual(['./errors.ts', './grammar.ts', './reference.ts'])
})
