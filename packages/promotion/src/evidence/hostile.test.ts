import { describe, expect, test } from 'vitest'
import { EVIDENCE_LIMIT, readEvidence } from '../index.ts'
import {
  cyclonedx,
  digest,
  envelope,
  grype,
  openvex,
  passed,
  read,
  sarif,
  signedMessage,
  statement,
  TEST_RESULT,
  trivy,
} from './test-documents.ts'

const deep = (open: string, close: string, depth: number) => open.repeat(depth) + close.repeat(depth)
const billion = `<!DOCTYPE l [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><testsuite><testcase name="&b;"/></testsuite>`

describe('hostile or broken evidence is refused, and quickly', () => {
  test.each<[string, string | Uint8Array | object]>([
    ['nothing', ''],
    ['no JSON', '{'],
    ['a list', '[]'],
    ['an object of nobody', '{}'],
    ['not UTF-8', Uint8Array.of(0x7b, 0xff, 0x7d)],
    ['too large', new Uint8Array(EVIDENCE_LIMIT + 1)],
    ['deep JSON', deep('[', ']', 1_000_000)],
    ['a deep object', `${'{"components":['.repeat(100_000)}${']}'.repeat(100_000)}`],
    ['an XML bomb', billion],
    ['an outside entity', '<!DOCTYPE t SYSTEM "file:///etc/passwd"><testsuite/>'],
    ['deep XML', deep('<testsuite>', '</testsuite>', 200_000)],
    ['XML of another kind', '<html><testcase/></html>'],
    ['XML that ends early', '<testsuite><testcase name="a"/>'],
    ['unclosed quotes', `<testsuite a="${'x'.repeat(100_000)}`],
    ['a signature of a message by another hash', signedMessage('SHA2_384', digest)],
    ['a hash of the wrong length', signedMessage('SHA2_512', digest)],
    ['a signature that is no base64', signedMessage('SHA2_256', digest, '?')],
    ['an empty signature', signedMessage('SHA2_256', digest, '')],
    ['no signature', { ...signedMessage('SHA2_256', digest), messageSignature: {} }],
    ['an empty bundle', { mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json' }],
    ['a Trivy report of secrets alone', { ...trivy, Results: [{ Class: 'secret' }, { Class: 'config' }] }],
    ['no tests', '<testsuite tests="5"/>'],
    ['only skipped tests', '<testsuite><testcase name="a"><skipped/></testcase></testsuite>'],
    ['a case in a case', '<testsuite><testcase><testcase/></testcase></testsuite>'],
    ['a statement of another world', { _type: 'https://example.com/Statement', subject: [] }],
    ['a statement about nothing', { ...statement(TEST_RESULT, passed), subject: [] }],
    ['a short digest', statement(TEST_RESULT, passed, 'abc')],
    ['an upper-case digest', statement(TEST_RESULT, passed, 'A'.repeat(64))],
    ['another payload type', envelope(statement(TEST_RESULT, passed), 'application/json')],
    ['an envelope without signatures', { ...envelope({}), signatures: [] }],
    [
      'a bundle around nothing',
      { mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json', messageSignature: {} },
    ],
    [
      'a scan that failed',
      { ...sarif, runs: [{ ...sarif.runs[0], invocations: [{ executionSuccessful: false }] }] },
    ],
    ['a scan of a file system', { ...trivy, ArtifactType: 'filesystem' }],
    ['an SBOM without packages', { ...cyclonedx, components: [] }],
    ['too many findings', { ...grype, matches: Array.from({ length: 20_001 }, () => ({})) }],
    ['a VEX of unknown status', { ...openvex, statements: [{ ...openvex.statements[0], status: 'fine' }] }],
    ['prototype keys', '{"__proto__":{"SchemaVersion":2},"constructor":1}'],
  ])('%s', (_, value) => {
    const begun = performance.now()
    const run = () => (value instanceof Uint8Array ? readEvidence(value) : read(value))
    expect(run).toThrow(
      expect.objectContaining({ code: 'invalid', issues: [expect.objectContaining({ field: 'content' })] }),
    )
    expect(performance.now() - begun).toBeLessThan(2_000)
  })

  test('control characters do not reach a terminal or a database', () => {
    const found = read(
      envelope(
        statement(TEST_RESULT, { ...passed, result: 'FAILED', failedTests: ['a\u0000\u001b[31mb\ud800'] }),
      ),
    )
    expect(JSON.stringify(found.summary)).not.toMatch(/\\u00|\\ud8|\\u001b/)
  })

  test('nested components are walked, to a bound', () => {
    const nested = (depth: number): object =>
      depth === 0 ? { name: 'x' } : { name: 'x', components: [nested(depth - 1)] }
    expect(read({ ...cyclonedx, components: [nested(20)] }).summary).toMatchObject({ packages: 21 })
    expect(() => read({ ...cyclonedx, components: [nested(40)] })).toThrow()
  })
})
