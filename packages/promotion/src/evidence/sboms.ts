import type { SbomSummary } from './evidence.ts'
import { type Fields, digestsIn, list, record, text, time, unreadable } from './fields.ts'

const PACKAGES_LIMIT = 100_000
const LICENCES_LIMIT = 5_000
const NESTING_LIMIT = 32
const NAMED = 3

export interface Sbom {
  readonly summary: SbomSummary
  /** Image digests that it names; null: none. */
  readonly subjects: readonly string[] | null
  readonly claimedAt: Date | null
}

/**
 * CycloneDX JSON. An operating system is no package, nor is a file: what they are made of is listed beside them, and has
 * its licences. One that names its own counts. The image is its `metadata.component`, where that names a digest.
 * @throws PromotionError invalid
 */
export function readCycloneDx(bom: Fields): Sbom {
  if (bom['bomFormat'] !== 'CycloneDX') throw unreadable('this is no CycloneDX document')
  const metadata = record(bom['metadata'])
  const image = record(metadata['component'])
  const tally = new Tally()
  const walk = (components: unknown, depth: number): void => {
    if (depth > NESTING_LIMIT) throw unreadable(`components nest deeper than ${NESTING_LIMIT} levels`)
    for (const value of list(components, 'components', PACKAGES_LIMIT)) {
      const component = record(value)
      if (component['type'] !== 'file') {
        const name = nameOf(component, 'name', 'version')
        const licences = cycloneLicences(component)
        if (component['type'] === 'operating-system') tally.addSystem(name, licences)
        else tally.add(name, licences)
      }
      if (component['components'] !== undefined) walk(component['components'], depth + 1)
    }
  }
  // What the document is about is no package in it, but what it says of its licence holds.
  const own = cycloneLicences(image)
  if (own.length > 0) tally.addDescribed(nameOf(image, 'name', 'version'), own)
  walk(bom['components'], 1)
  const properties = list(image['properties'], 'properties', 10_000)
    .map(record)
    .filter(({ name }) => name === 'aquasecurity:trivy:RepoDigest')
    .map(({ value }) => value)
  return {
    summary: tally.summary(),
    subjects: orNull(digestsIn(image['version'], image['purl'], ...properties)),
    claimedAt: time(metadata['timestamp']),
  }
}

/** Several licences of one component hold together, as in "A AND B". */
function cycloneLicences(component: Fields): string[] {
  return list(component['licenses'], 'licenses', 1_000).flatMap((value) => {
    const { license, expression } = record(value)
    return text(expression) ?? text(record(license)['id']) ?? text(record(license)['name']) ?? []
  })
}

/** SPDX 2.x JSON. The image is what the document describes, where that names a digest. @throws PromotionError invalid */
export function readSpdx(document: Fields): Sbom {
  if (typeof document['spdxVersion'] !== 'string') throw unreadable('this is no SPDX document')
  const packages = list(document['packages'], 'packages', PACKAGES_LIMIT).map(record)
  const described = new Set([
    ...list(document['documentDescribes'], 'documentDescribes', 1_000),
    ...list(document['relationships'], 'relationships', 1_000_000)
      .map(record)
      .filter(
        ({ relationshipType, spdxElementId }) =>
          relationshipType === 'DESCRIBES' && spdxElementId === 'SPDXRef-DOCUMENT',
      )
      .map(({ relatedSpdxElement }) => relatedSpdxElement),
  ])
  const images = packages.filter(({ SPDXID }) => described.has(SPDXID))
  const tally = new Tally()
  for (const each of packages) {
    const licences = spdxLicences(each)
    const name = nameOf(each, 'name', 'versionInfo')
    // What the document is about is no package in it, but what it says of its licence holds.
    if (described.has(each['SPDXID'])) {
      if (licences.length > 0) tally.addDescribed(name, licences)
    } else if (each['primaryPackagePurpose'] === 'OPERATING-SYSTEM') tally.addSystem(name, licences)
    else tally.add(name, licences)
  }
  return {
    summary: tally.summary(),
    subjects: orNull(images.flatMap(imageDigests)),
    claimedAt: time(record(document['creationInfo'])['created']),
  }
}

function imageDigests(described: Fields): string[] {
  const purls = list(described['externalRefs'], 'externalRefs', 10_000).map(
    (ref) => record(ref)['referenceLocator'],
  )
  return digestsIn(described['versionInfo'], described['name'], ...purls)
}

/** What its author declared and what was concluded; a word that says nothing is none. */
function spdxLicences(each: Fields): string[] {
  const said = [each['licenseConcluded'], each['licenseDeclared']].flatMap((value) => text(value) ?? [])
  return [...new Set(said.filter((licence) => licence !== 'NOASSERTION' && licence !== 'NONE'))].slice(0, 1)
}

/** Packages by licence. */
class Tally {
  private packages = 0
  private parts = 0
  private readonly systems: string[] = []
  private readonly byLicence = new Map<string | null, { count: number; packages: string[] }>()

  /** A package of what the document is about. */
  add(name: string, licences: readonly string[]): void {
    this.parts++
    this.count(name, licences)
  }

  /** What the document is about. */
  addDescribed(name: string, licences: readonly string[]): void {
    this.count(name, licences)
  }

  /** An operating system without a licence stands for its packages, where they are listed; alone it is one itself. */
  addSystem(name: string, licences: readonly string[]): void {
    if (licences.length > 0) this.count(name, licences)
    else this.systems.push(name)
  }

  private count(name: string, licences: readonly string[]): void {
    if (++this.packages > PACKAGES_LIMIT) throw unreadable(`more than ${PACKAGES_LIMIT} packages`)
    for (const licence of licences.length === 0 ? [null] : licences) {
      const known = this.byLicence.get(licence) ?? { count: 0, packages: [] }
      known.count++
      if (known.packages.length < NAMED) known.packages.push(name)
      this.byLicence.set(licence, known)
    }
    if (this.byLicence.size > LICENCES_LIMIT)
      throw unreadable(`more than ${LICENCES_LIMIT} distinct licences`)
  }

  /** An SBOM without a package says nothing about an image. */
  summary(): SbomSummary {
    if (this.parts === 0) for (const system of this.systems) this.count(system, [])
    if (this.packages === 0) throw unreadable('it lists no package')
    const licences = [...this.byLicence].map(([licence, { count, packages }]) => ({
      licence,
      count,
      packages,
    }))
    return { kind: 'sbom', packages: this.packages, licences }
  }
}

function nameOf(fields: Fields, name: string, version: string): string {
  return [text(fields[name], 128) ?? '?', text(fields[version], 64)].filter(Boolean).join('@')
}

function orNull(digests: readonly string[]): readonly string[] | null {
  return digests.length === 0 ? null : [...new Set(digests)]
}
