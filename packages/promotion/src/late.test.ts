import { expect, test } from 'vitest'
import { decideLate, type EvidenceSummary, type LateLayer, parsePolicy } from './index.ts'

const policy = parsePolicy({ gates: { tests: [{ from: ['robot:ci'] }], sbom: { from: ['robot:ci'] } } })
const passed: EvidenceSummary = {
  kind: 'test',
  result: 'PASSED',
  passed: 1,
  warned: 0,
  failed: 0,
  failedTests: [],
}
const layer = (over: object = {}): LateLayer => ({
  layer: 'sha256:a',
  evidence: { type: 'test', predicateType: null, from: ['robot:ci'], summary: passed, ...over },
})
const unread = (reason: string, passing: boolean): LateLayer => ({
  layer: 'sha256:b',
  unread: reason,
  passing,
})

test.each<[string, object, LateLayer[], object]>([
  ['what a rule asks for', policy, [layer()], { verdict: 'admit' }],
  [
    'a test that failed: it is to be seen',
    policy,
    [layer({ summary: { ...passed, result: 'FAILED' } })],
    { verdict: 'admit' },
  ],
  [
    'everything of it asked for',
    policy,
    [layer(), layer({ type: 'sbom', summary: { kind: 'sbom', packages: 1, licences: [] } })],
    { verdict: 'admit' },
  ],
  [
    'one part of it not asked for',
    policy,
    [layer(), layer({ type: 'vex', from: ['user:eve'] })],
    {
      verdict: 'refuse',
      reason: 'no rule of the policy that was approved asks for vex by user:eve',
    },
  ],
  [
    'a predicate of nobody',
    policy,
    [layer({ predicateType: 'https://x.y/z', from: [] })],
    {
      verdict: 'refuse',
      reason:
        'no rule of the policy that was approved asks for test (https://x.y/z) by nobody that the lane knows',
    },
  ],
  [
    'what cannot be read',
    policy,
    [layer({ summary: { kind: 'unreadable', reason: 'torn' } })],
    { verdict: 'refuse', reason: 'its test of sha256:a cannot be read: torn' },
  ],
  ['nothing in it', policy, [], { verdict: 'refuse', reason: 'it has no layers, so it carries no evidence' }],
  [
    'bytes that may come',
    policy,
    [unread('no form', false), unread('cut off', true)],
    { verdict: 'wait', reason: 'cut off' },
  ],
  ['bytes of no form', policy, [layer(), unread('no form', false)], { verdict: 'refuse', reason: 'no form' }],
  [
    'a policy without rules about evidence',
    parsePolicy({}),
    [layer()],
    {
      verdict: 'refuse',
      reason: 'the policy that was approved asks for no evidence, so nothing follows the image',
    },
  ],
])('%s', (_, read, layers, verdict) => {
  expect(decideLate(parsePolicy(read), layers)).toEqual(verdict)
})
