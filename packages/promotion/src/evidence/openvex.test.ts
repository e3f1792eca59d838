import { describe, expect, test } from 'vitest'
import { readEvidence } from '../index.ts'
import { bytesOf, hex, openvex, read, said } from './test-documents.ts'

describe('OpenVEX', () => {
  const vex = (statements: unknown, over: object = {}) => ({
    '@context': 'https://openvex.dev/ns/v0.2.0',
    statements,
    ...over,
  })
  test.each<[unknown, string]>([
    [vex([], { '@context': 'https://openvex.dev/other' }), 'this is no OpenVEX document'],
    [vex([], { '@context': ['https://openvex.dev/ns'] }), 'this is no OpenVEX document'],
    [vex(undefined), 'it has no statements'],
    [vex({}), 'it has no statements'],
    [
      vex([{ vulnerability: 'C', status: 'fine' }]),
      'statements[0].status is none of not_affected, affected, fixed, under_investigation',
    ],
    [vex([{ status: 'fixed' }]), 'statements[0].vulnerability.name is missing'],
    [vex([{ status: 'fixed', vulnerability: ' ' }]), 'statements[0].vulnerability is missing'],
    [vex([{ status: 'fixed', vulnerability: { name: 'C', aliases: {} } }]), 'aliases is no list'],
    [vex([{ status: 'fixed', vulnerability: 'C', products: {} }]), 'products is no list'],
    [
      vex([{ status: 'fixed', vulnerability: 'C', products: [{ subcomponents: {} }] }]),
      'subcomponents is no list',
    ],
    [
      vex([{ status: 'fixed', vulnerability: 'C', products: [{ subcomponents: [{}] }] }]),
      'subcomponents[].@id is missing',
    ],
  ])('%#', (value, message) => {
    expect(said(value)).toBe(message)
  })

  test('products and the packages in them', () => {
    const { summary, claimedAt, subjects } = readEvidence(
      bytesOf(
        vex(
          [
            {
              status: 'affected',
              vulnerability: 'C',
              products: [
                {
                  identifiers: { purl: `pkg:oci/app@sha256%3A${hex}` },
                  subcomponents: [
                    'pkg:npm/%40scope/left@1.0?x=y',
                    { '@id': 'pkg:golang/a/b#sub' },
                    { '@id': 'plain name' },
                  ],
                },
                'pkg:generic/other',
              ],
            },
            { status: 'fixed', vulnerability: 'D', products: ['pkg:generic/other'] },
            { status: 'fixed', vulnerability: 'E' },
          ],
          { timestamp: '2026-01-01T00:00:00Z' },
        ),
      ),
    )
    expect([claimedAt, subjects]).toEqual([new Date('2026-01-01T00:00:00Z'), null])
    const plain = { justification: null, packages: [] }
    expect(summary).toEqual({
      kind: 'vex',
      statements: [
        {
          ...plain,
          vulnerabilities: ['C'],
          status: 'affected',
          images: [`sha256:${hex}`],
          elsewhere: false,
          packages: ['left', 'b', 'plain name'],
        },
        { ...plain, vulnerabilities: ['D'], status: 'fixed', images: [], elsewhere: true },
        { ...plain, vulnerabilities: ['E'], status: 'fixed', images: [], elsewhere: false },
      ],
    })
    const updated = vex([{ status: 'fixed', vulnerability: 'C' }], {
      timestamp: '2026-01-01T00:00:00Z',
      last_updated: '2026-01-02T00:00:00+01:00',
    })
    expect(readEvidence(bytesOf(updated)).claimedAt).toEqual(new Date('2026-01-01T23:00:00Z'))
  })
})

// As the tools' own schemas have them, with what they write besides.
describe('documents as tools write them', () => {
  test('OpenVEX: a document that says nothing yet is about no image in particular', () => {
    expect(read({ ...openvex, statements: [] })).toMatchObject({
      type: 'vex',
      subjects: null,
      summary: { kind: 'vex', statements: [] },
    })
  })
})
