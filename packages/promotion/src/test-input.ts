import { type GateInput, type GateItem, parsePolicy } from './index.ts'

/** An image of one platform, of which nothing is known yet. */
export const itemOf = (source: string, digest: string, pushedAt: Date): GateItem => ({
  source,
  digest,
  platforms: [{ platform: null, digest }],
  targetTags: ['1.0.0'],
  pushedAt,
  evidence: [],
  unread: [],
  reached: [],
})

/** What rita asks for of what paul pushed; nobody has decided yet. */
export const inputOf = (
  policy: object,
  over: Partial<GateInput> & Pick<GateInput, 'now' | 'items'>,
): GateInput => ({
  policy: parsePolicy(policy),
  kind: 'promote',
  recalls: [],
  requesterPersons: ['rita'],
  pusherPersons: ['paul'],
  approvals: [],
  tickets: [],
  ...over,
})
