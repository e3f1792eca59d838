// Every gate over an index of forty platforms, without input or output: the bar is 20 ms.
import { generateKeyPairSync } from 'node:crypto'
import { type Evidence, evaluateGates, type GateInput, parsePolicy } from '@sluice/promotion'

const PLATFORMS = 40
const FINDINGS = 200
const ROUNDS = 50
const BAR_MS = 20

const pem = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString()
const from = ['key:ci']
const policy = parsePolicy({
  keys: { ci: pem },
  gates: {
    quorum: [{ count: 2, group: 'a' }, { count: 1 }],
    pusher: 'excluded',
    tagRule: { patterns: ['release'] },
    soak: { minutes: 5 },
    window: {
      zone: 'Europe/Berlin',
      open: [{ days: ['mon'], from: '09:00', to: '17:00' }],
      freezes: [{ name: 'x', from: '2026-12-20', to: '2027-01-03' }],
    },
    predecessor: { feed: 'test' },
    evidence: [
      { type: 'sbom', from, of: 'platforms' },
      { type: 'provenance', from },
    ],
    tests: Array.from({ length: 6 }, () => ({ from, of: 'platforms' })),
    provenance: { builders: ['https://b/*'], from },
    sbom: { from },
    licences: { deny: ['AGPL-*', 'GPL-3.0-only'], from },
    vulnerabilities: {
      from,
      vex: { from },
      exceptions: [{ id: 'CVE-1', owner: 'user:a', until: '2026-12-31', reason: 'x' }],
    },
    signatures: [{ from }],
    ticket: { keys: ['jira'] },
  },
})

const now = new Date('2026-03-10T12:00:00Z')
let serial = 0
function fact(subject: string, type: Evidence['type'], summary: Evidence['summary']): Evidence {
  const id = String(++serial)
  const shared = { predicateType: null, claimedAt: null, receivedAt: new Date(now.getTime() - 1000 - serial) }
  return { id, subject, type, summary, contentDigest: id, from, ...shared }
}

const platforms = Array.from({ length: PLATFORMS }, (_, i) => ({
  platform: `linux/p${i}`,
  digest: `sha256:${i}`,
}))
const findings = Array.from({ length: FINDINGS }, (_, i) => ({
  id: `CVE-${i}`,
  severity: i % 5 === 0 ? ('high' as const) : ('low' as const),
  package: `p${i}`,
  version: '1',
  fixed: '2',
}))
const statements = findings.map(({ id }) => ({
  vulnerabilities: [id],
  status: 'not_affected' as const,
  justification: 'component_not_present',
  images: [],
  elsewhere: false,
  packages: [],
}))
const licences = Array.from({ length: 50 }, (_, i) => ({
  licence: `MIT OR L-${i}`,
  count: 1,
  packages: ['p@1'],
}))
const evidence = platforms.flatMap(({ digest }) => [
  fact(digest, 'test', { kind: 'test', result: 'PASSED', passed: 1, warned: 0, failed: 0, failedTests: [] }),
  fact(digest, 'sbom', { kind: 'sbom', packages: 50, licences }),
  fact(digest, 'vulnerabilities', { kind: 'vulnerabilities', scanner: 'x', findings }),
  fact(digest, 'vex', { kind: 'vex', statements }),
])
evidence.push(
  fact('sha256:root', 'provenance', { kind: 'provenance', builder: 'https://b/1', buildType: null }),
)
evidence.push(fact('sha256:root', 'signature', { kind: 'signature' }))

const input: GateInput = {
  kind: 'promote',
  recalls: [],
  policy,
  now,
  requesterPersons: ['r'],
  pusherPersons: ['p'],
  approvals: ['a', 'b', 'c'].map((personId) => ({ personId, groups: ['a'], decision: 'approve' })),
  tickets: [{ ticket: 'C-1', state: 'approved', at: now, key: 'jira' }],
  items: [
    {
      source: 'app@sha256:root',
      digest: 'sha256:root',
      platforms,
      targetTags: ['1.0.0'],
      pushedAt: new Date(0),
      evidence,
      unread: [],
      reached: ['test'],
    },
  ],
}

const times: number[] = []
for (let i = 0; i < ROUNDS; i++) {
  const begun = performance.now()
  const blocked = evaluateGates(input).filter(({ verdict }) => verdict === 'block')
  times.push(performance.now() - begun)
  if (blocked.length > 0)
    throw new Error(`blocked: ${JSON.stringify(blocked.map(({ gate, reasons }) => [gate, reasons[0]]))}`)
}
times.sort((a, b) => a - b)
const at = (share: number): string => (times[Math.floor(share * (times.length - 1))] ?? 0).toFixed(2)
process.stdout.write(
  `gates: ${PLATFORMS} platforms, ${evidence.length} pieces of evidence; p50 ${at(0.5)} ms, max ${at(1)} ms, bar ${BAR_MS} ms\n`,
)
if (Number(at(0.5)) > BAR_MS) process.exitCode = 1
