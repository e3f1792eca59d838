import { describe, expect, test } from 'vitest'
import { read } from './test-documents.ts'

// As the tools' own schemas have them, with what they write besides.
describe('documents as tools write them', () => {
  test('SARIF: what a rule, a level and a score make of a finding', () => {
    const at = (level: string | undefined, score?: string, inRule?: string) => {
      const { summary } = read({
        version: '2.1.0',
        runs: [
          {
            tool: {
              driver: {
                name: 'scan',
                rules: [
                  {
                    id: 'R',
                    ...(score && { properties: { 'security-severity': score } }),
                    ...(inRule && { defaultConfiguration: { level: inRule } }),
                  },
                ],
              },
            },
            results: [{ ruleId: 'R', ...(level && { level }) }],
          },
        ],
      })
      return summary.kind === 'vulnerabilities' ? summary.findings[0]?.severity : null
    }
    expect([at('note', '9.0'), at('note', '8.9'), at('note', '7.0'), at('note', '6.9')]).toEqual([
      'critical',
      'high',
      'high',
      'medium',
    ])
    expect([at('error', '4.0'), at('error', '3.9'), at('error', '0.1'), at('error', '0')]).toEqual([
      'medium',
      'low',
      'low',
      'high',
    ])
    expect([at('warning'), at('note'), at('none'), at('odd')]).toEqual([
      'medium',
      'low',
      'negligible',
      'unknown',
    ])
    expect([at(undefined), at(undefined, undefined, 'error'), at('note', undefined, 'error')]).toEqual([
      'medium',
      'high',
      'low',
    ])
  })

  test('SARIF: the scanner is the last that has a name', () => {
    const named = (name?: string) => ({ tool: { driver: { ...(name && { name }) } } })
    const scanner = (...names: (string | undefined)[]) => {
      const { summary } = read({ version: '2.1.0', runs: names.map(named) })
      return summary.kind === 'vulnerabilities' ? summary.scanner : null
    }
    expect([scanner('a', 'b'), scanner('a', undefined), scanner(undefined)]).toEqual(['b', 'a', 'sarif'])
    const wrong = (over: object) => () =>
      read({ version: '2.1.0', runs: [{ tool: { driver: {} } }], ...over })
    expect(wrong({ runs: {} })).toThrow('runs is no list')
    expect(wrong({ runs: [{ invocations: {} }] })).toThrow('invocations is no list')
    expect(wrong({ runs: [{ tool: { extensions: {} } }] })).toThrow('extensions is no list')
  })

  const scanned = (run: object) => {
    const { summary } = read({ version: '2.1.0', runs: [{ tool: { driver: { name: 'scan' } }, ...run }] })
    return summary.kind === 'vulnerabilities' ? summary.findings : []
  }
  const at = (uri: string) => [{ physicalLocation: { artifactLocation: { uri }, region: { startLine: 1 } } }]

  test('SARIF of Trivy: two packages of one image under one vulnerability are two findings', () => {
    const result = (name: string, fixed: string) => ({
      ruleId: 'CVE-2026-1',
      ruleIndex: 0,
      level: 'error',
      message: {
        text: `Package: ${name}\nInstalled Version: 1.1.1c-r0\nVulnerability CVE-2026-1\nSeverity: HIGH\nFixed Version: ${fixed}\nLink: [x](https://x)`,
      },
      locations: at('library/app'),
    })
    const found = { id: 'CVE-2026-1', severity: 'high', version: '1.1.1c-r0' }
    expect(scanned({ results: [result('libssl1.1', '1.1.1d-r0'), result('libcrypto1.1', '')] })).toEqual([
      { ...found, package: 'libssl1.1', fixed: '1.1.1d-r0' },
      { ...found, package: 'libcrypto1.1', fixed: null },
    ])
  })

  test('SARIF of Grype: its rules are of a vulnerability in a package', () => {
    const ids = ['CVE-2026-1-package-1', 'GHSA-aaaa-bbbb-cccc-left-pad', 'ELSA-2026-1-kernel', 'CVE-2026-2']
    const rules = ids.map((id) => ({ id, properties: { 'security-severity': '9.1' } }))
    expect(
      scanned({
        tool: { driver: { name: 'grype', rules } },
        results: ids.map((ruleId) => ({ ruleId, locations: at('app/x') })),
      }),
    ).toEqual(
      [
        ['CVE-2026-1', 'package-1'],
        ['GHSA-aaaa-bbbb-cccc', 'left-pad'],
        ['ELSA-2026-1-kernel', 'app/x'],
        ['CVE-2026-2', 'app/x'],
      ].map(([id, name]) => ({ id, package: name, severity: 'critical', version: '?', fixed: null })),
    )
  })

  test('SARIF: rules by reference, by index and of extensions; what is no longer there is none', () => {
    const rule = (id: string, score: string) => ({ id, properties: { 'security-severity': score } })
    const tool = {
      driver: { name: 'scan', rules: [rule('A', '9.5'), rule('B', '7.5')] },
      extensions: [{ name: 'queries', rules: [rule('X', '4.5')] }, {}],
    }
    const results = [
      { rule: { id: 'A' } },
      { ruleIndex: 1 },
      { rule: { index: 1 }, locations: at('y') },
      { ruleId: 'X' },
      { ruleId: 'A', baselineState: 'absent', locations: at('z') },
      { ruleId: 'B', baselineState: 'new', locations: at('z') },
    ]
    expect(scanned({ tool, results }).map(({ id, severity, package: name }) => [id, severity, name])).toEqual(
      [
        ['A', 'critical', '?'],
        ['B', 'high', '?'],
        ['B', 'high', 'y'],
        ['X', 'medium', '?'],
        ['B', 'high', 'z'],
      ],
    )
    for (const nameless of [{ ruleIndex: 7 }, { ruleIndex: '0' }, { ruleIndex: -1 }, {}]) {
      expect(() => scanned({ tool, results: [nameless] })).toThrow('ruleId is missing')
    }
  })
})
