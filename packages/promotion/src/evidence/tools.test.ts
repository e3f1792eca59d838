import fs from 'node:fs'
import { describe, expect, test } from 'vitest'
import { readEvidence } from '../index.ts'

// Written by the tools themselves (Syft 1.57, Trivy 0.74), about one image of two Debian packages and one of npm.

const IMAGE = 'sha256:04c4c1ed9f285d65f0d13326383dabb81114a1cad494112451eae48736700136'
const written = (name: string) =>
  readEvidence(fs.readFileSync(new URL(`testdata/${name}.json`, import.meta.url)))

describe('what the tools wrote', () => {
  test.each([
    // An image that has a tag it names by that alone.
    ['syft.cyclonedx', null],
    ['syft.spdx', [IMAGE]],
    ['trivy.cyclonedx', [IMAGE]],
    ['trivy.spdx', [IMAGE]],
  ])('%s: three packages with their licences, and no operating system among them', (name, subjects) => {
    const { type, summary, subjects: named } = written(name)
    expect([type, named]).toEqual(['sbom', subjects])
    if (summary.kind !== 'sbom') throw new Error(summary.kind)
    expect(summary.packages).toBe(3)
    const licences = summary.licences.map((each) => ({ ...each, packages: [...each.packages].sort() }))
    expect(licences).toHaveLength(2)
    expect(licences).toContainEqual({ licence: 'WTFPL', count: 1, packages: ['left-pad@1.3.0'] })
    const debian = ['libc6@2.36-9+deb12u9', 'openssl@3.0.15-1~deb12u1']
    expect(licences).toContainEqual({ licence: null, count: 2, packages: debian })
  })

  // Its report does not say which scanners ran, and lists packages whichever did.
  test('a report of Trivy about secrets alone reads as one that found no vulnerabilities', () => {
    expect(written('trivy.secrets-only')).toMatchObject({ summary: { findings: [] }, subjects: [IMAGE] })
  })
})
