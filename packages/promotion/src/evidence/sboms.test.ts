import { describe, expect, test } from 'vitest'
import { readEvidence } from '../index.ts'
import { bytesOf, digest, hex, read, said } from './test-documents.ts'

describe('SBOMs', () => {
  const cyclone = { bomFormat: 'CycloneDX', components: [{ name: 'a' }] }
  const spdx = { spdxVersion: 'SPDX-2.3', packages: [{ name: 'a' }] }
  const towers: object[] = [{ name: 'x' }]
  for (let i = 0; i < 32; i++) towers.push({ name: 'x', components: [towers[i]] })
  test.each<[unknown, string]>([
    [{ ...cyclone, bomFormat: 'Other' }, 'this is no CycloneDX document'],
    [{ ...cyclone, components: {} }, 'components is no list'],
    [{ ...cyclone, components: [] }, 'it lists no package'],
    [{ ...cyclone, components: [{ type: 'file', name: 'a' }] }, 'it lists no package'],
    [{ ...cyclone, components: [towers[32]] }, 'components nest deeper than 32 levels'],
    [{ ...cyclone, components: [{ name: 'a', licenses: {} }] }, 'licenses is no list'],
    [
      {
        ...cyclone,
        components: Array.from({ length: 5_001 }, (_, i) => ({ licenses: [{ expression: `L${i}` }] })),
      },
      'more than 5000 distinct licences',
    ],
    [{ ...spdx, spdxVersion: 2 }, 'this is no SPDX document'],
    [{ ...spdx, packages: {} }, 'packages is no list'],
    [{ ...spdx, packages: [] }, 'it lists no package'],
    [{ ...spdx, relationships: {} }, 'relationships is no list'],
    [{ ...spdx, documentDescribes: 'x' }, 'documentDescribes is no list'],
    [
      { ...spdx, packages: [{ SPDXID: 'I', externalRefs: {} }, { name: 'a' }], documentDescribes: ['I'] },
      'externalRefs is no list',
    ],
  ])('%#', (value, message) => {
    expect(said(value)).toBe(message)
  })

  test('what just fits, the first three packages of a licence, and packages without names', () => {
    expect(said({ ...cyclone, components: [towers[31]] })).toBe('nothing')
    const { summary } = readEvidence(
      bytesOf({
        ...cyclone,
        components: ['a', 'b', 'c', 'd'].map((name) => ({ name, licenses: [{ license: { id: 'MIT' } }] })),
      }),
    )
    expect(summary).toMatchObject({ licences: [{ licence: 'MIT', count: 4, packages: ['a', 'b', 'c'] }] })
    expect(readEvidence(bytesOf({ ...cyclone, components: [{ version: '1' }] })).summary).toMatchObject({
      licences: [{ packages: ['?@1'] }],
    })
    const concluded = readEvidence(
      bytesOf({
        ...spdx,
        packages: [{ name: 'a', licenseConcluded: 'MIT', licenseDeclared: 'GPL-2.0-only' }],
      }),
    )
    expect(concluded.summary).toMatchObject({ licences: [{ licence: 'MIT', count: 1 }] })
  })

  test('the image, as each tool names it', () => {
    const subjects = (value: unknown) => readEvidence(bytesOf(value)).subjects
    const digest = `sha256:${hex}`
    const component = (over: object) => ({ ...cyclone, metadata: { component: over } })
    const property = (name: string) => ({ properties: [{ name, value: `a@${digest}` }] })
    expect(subjects(component({ version: digest }))).toEqual([digest])
    expect(subjects(component(property('aquasecurity:trivy:RepoDigest')))).toEqual([digest])
    expect(subjects(component(property('other')))).toBeNull()
    const described = (over: object) => ({
      ...spdx,
      packages: [{ SPDXID: 'I', ...over }, { name: 'a' }],
      documentDescribes: ['I'],
    })
    expect(subjects(described({ versionInfo: digest }))).toEqual([digest])
    expect(subjects(described({ name: `app@${digest}` }))).toEqual([digest])
    expect(
      subjects(
        described({ externalRefs: [{ referenceLocator: `pkg:oci/app@${digest.replace(':', '%3A')}` }] }),
      ),
    ).toEqual([digest])
    expect(subjects(described({ comment: digest }))).toBeNull()
  })
})

// As the tools' own schemas have them, with what they write besides.
describe('documents as tools write them', () => {
  test('CycloneDX 1.4 to 1.6: the licences of every form, components in components', () => {
    for (const specVersion of ['1.4', '1.5', '1.6']) {
      const { summary, subjects, claimedAt } = read({
        bomFormat: 'CycloneDX',
        specVersion,
        metadata: {
          timestamp: '2026-03-01T10:00:00+00:00',
          tools: { components: [{ type: 'application', name: 'trivy' }] },
          component: {
            type: 'container',
            name: 'app',
            purl: `pkg:oci/app@sha256%3A${'a'.repeat(64)}?arch=amd64`,
          },
        },
        components: [
          { type: 'operating-system', name: 'debian', version: '12' },
          {
            type: 'application',
            name: 'package-lock.json',
            components: [
              { type: 'library', name: 'left', version: '1', licenses: [{ license: { id: 'MIT' } }] },
              {
                type: 'library',
                name: 'right',
                version: '2',
                licenses: [{ expression: 'MIT OR Apache-2.0' }],
              },
              { type: 'library', name: 'up', licenses: [{ license: { name: 'Some words' } }] },
              { type: 'file', name: '/bin/sh' },
            ],
          },
        ],
        dependencies: [],
      })
      expect([subjects, claimedAt]).toEqual([[digest], new Date('2026-03-01T10:00:00Z')])
      expect(summary).toEqual({
        kind: 'sbom',
        packages: 4,
        licences: [
          { licence: null, count: 1, packages: ['package-lock.json'] },
          { licence: 'MIT', count: 1, packages: ['left@1'] },
          { licence: 'MIT OR Apache-2.0', count: 1, packages: ['right@2'] },
          { licence: 'Some words', count: 1, packages: ['up'] },
        ],
      })
    }
  })

  test('SPDX 2.3 as Syft relates it: the document describes the image, and not what it contains', () => {
    const { summary, subjects } = read({
      spdxVersion: 'SPDX-2.3',
      SPDXID: 'SPDXRef-DOCUMENT',
      creationInfo: { created: '2026-03-01T10:00:00Z', creators: ['Tool: syft'] },
      packages: [
        {
          SPDXID: 'SPDXRef-Image',
          name: 'app',
          versionInfo: digest,
          primaryPackagePurpose: 'CONTAINER',
          licenseConcluded: 'NOASSERTION',
        },
        {
          SPDXID: 'SPDXRef-1',
          name: 'musl',
          versionInfo: '1.2',
          licenseConcluded: 'NOASSERTION',
          licenseDeclared: 'MIT',
        },
        { SPDXID: 'SPDXRef-2', name: 'base', versionInfo: '3', licenseConcluded: 'NONE' },
      ],
      relationships: [
        {
          spdxElementId: 'SPDXRef-DOCUMENT',
          relatedSpdxElement: 'SPDXRef-Image',
          relationshipType: 'DESCRIBES',
        },
        { spdxElementId: 'SPDXRef-Image', relatedSpdxElement: 'SPDXRef-1', relationshipType: 'CONTAINS' },
        { spdxElementId: 'SPDXRef-2', relatedSpdxElement: 'SPDXRef-1', relationshipType: 'DESCRIBES' },
        { spdxElementId: 'SPDXRef-DOCUMENT', relatedSpdxElement: 'SPDXRef-2', relationshipType: 'OTHER' },
      ],
    })
    expect(subjects).toEqual([digest])
    expect(summary).toEqual({
      kind: 'sbom',
      packages: 2,
      licences: [
        { licence: 'MIT', count: 1, packages: ['musl@1.2'] },
        { licence: null, count: 1, packages: ['base@3'] },
      ],
    })
  })

  test('SBOMs: the licence of what they are about is one of theirs, and without one it is no package', () => {
    const agpl = { licence: 'AGPL-3.0-only', count: 1, packages: ['app@1'] }
    const described = (licence: string) => ({
      spdxVersion: 'SPDX-2.3',
      documentDescribes: ['A'],
      packages: [
        { SPDXID: 'A', name: 'app', versionInfo: '1', licenseDeclared: licence },
        { SPDXID: 'B', name: 'b', licenseDeclared: 'MIT' },
      ],
    })
    const mit = { licence: 'MIT', count: 1, packages: ['b'] }
    expect(read(described('AGPL-3.0-only')).summary).toMatchObject({ packages: 2, licences: [agpl, mit] })
    expect(read(described('NOASSERTION')).summary).toMatchObject({ packages: 1, licences: [mit] })
    const component = { type: 'application', name: 'app', version: '1' }
    const about = (over: object) => ({
      bomFormat: 'CycloneDX',
      metadata: { component: { ...component, ...over } },
      components: [{ name: 'b', licenses: [{ license: { id: 'MIT' } }] }],
    })
    const licensed = about({ licenses: [{ license: { id: 'AGPL-3.0-only' } }] })
    expect(read(licensed).summary).toMatchObject({ packages: 2, licences: [agpl, mit] })
    expect(read(about({})).summary).toMatchObject({ packages: 1, licences: [mit] })
  })

  // An operating system, and what is listed beside it.
  const musl = { name: 'musl' }
  test.each<[string, readonly object[], string | null, object]>([
    ['alone', [], null, { packages: 1, licences: [{ licence: null, count: 1, packages: ['debian@12'] }] }],
    [
      'with its packages',
      [musl],
      null,
      { packages: 1, licences: [{ licence: 'MIT', count: 1, packages: ['musl'] }] },
    ],
    [
      'with the licence of the image alone',
      [],
      'AGPL-3.0-only',
      {
        packages: 2,
        licences: [
          { licence: 'AGPL-3.0-only', count: 1, packages: ['app'] },
          { licence: null, count: 1, packages: ['debian@12'] },
        ],
      },
    ],
  ])('an operating system without a licence, %s', (_, packages, own, summary) => {
    const licensed = (licence: unknown) => (licence === null ? [] : [{ license: { id: licence } }])
    const cyclone = {
      bomFormat: 'CycloneDX',
      metadata: { component: { type: 'container', name: 'app', licenses: licensed(own) } },
      components: [
        { type: 'operating-system', name: 'debian', version: '12' },
        ...packages.map((one) => ({ ...one, licenses: licensed('MIT') })),
      ],
    }
    const spdx = {
      spdxVersion: 'SPDX-2.3',
      documentDescribes: ['I'],
      packages: [
        { SPDXID: 'I', name: 'app', licenseDeclared: own ?? 'NOASSERTION' },
        { SPDXID: 'O', name: 'debian', versionInfo: '12', primaryPackagePurpose: 'OPERATING-SYSTEM' },
        ...packages.map((one) => ({ ...one, SPDXID: 'P', licenseDeclared: 'MIT' })),
      ],
    }
    for (const document of [cyclone, spdx])
      expect(read(document).summary).toEqual({ kind: 'sbom', ...summary })
  })

  test('SPDX 3 is not read, and not taken for OpenVEX, whose documents have a context too', () => {
    expect(() =>
      read({ '@context': 'https://spdx.org/rdf/3.0.1/spdx-context.jsonld', '@graph': [] }),
    ).toThrow('none that is known')
  })
})
