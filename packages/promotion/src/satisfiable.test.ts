import { describe, expect, test } from 'vitest'
import { PromotionError, parsePolicy, type Reach, requireSatisfiable } from './index.ts'

const [ann, bob, cat] = ['ann', 'bob', 'cat']

function refusal(quorum: object[], reach: Partial<Reach>): string | null {
  const policy = parsePolicy({ gates: { quorum } })
  try {
    requireSatisfiable(policy, { groups: new Map(), approvers: null, requesters: [], ...reach })
    return null
  } catch (error) {
    if (!(error instanceof PromotionError)) throw error
    return error.issues[0]?.field ?? error.code
  }
}

describe('a lane that nobody can satisfy', () => {
  const qa = (...members: string[]) => ({ groups: new Map([['qa', members]]) })
  const two = (x: string[], y: string[]) => ({
    groups: new Map([
      ['x', x],
      ['y', y],
    ]),
  })
  const ofQa = (count: number) => [{ count, group: 'qa' }]
  const xy = [
    { count: 1, group: 'x' },
    { count: 1, group: 'y' },
  ]
  test.each<[string, object[], Partial<Reach>, string | null]>([
    ['nothing is known yet', [{ count: 1 }], {}, null],
    ['a group that is large enough', ofQa(2), qa(ann, bob), null],
    ['a group that is too small', ofQa(3), qa(ann, bob), 'gates.quorum[0].count'],
    ['a group that is not there', ofQa(1), { groups: new Map([['qa', null]]) }, 'gates.quorum[0].group'],
    ['two groups of the same person', xy, two([ann], [ann]), 'gates.quorum'],
    ['two groups that share one', xy, two([ann], [ann, bob]), null],
    ['the only member is the only requester', ofQa(1), { ...qa(ann), requesters: [[ann]] }, 'gates.quorum'],
    ['the only member, and others request too', ofQa(1), { ...qa(ann), requesters: [[ann], [bob]] }, null],
    ['another member remains', ofQa(1), { ...qa(ann, bob), requesters: [[ann]] }, null],
    [
      'all members are needed, and all requesters are members',
      ofQa(2),
      { ...qa(ann, bob), requesters: [[ann], [bob]] },
      'gates.quorum',
    ],
    [
      'all members are needed, and somebody else requests',
      ofQa(2),
      { ...qa(ann, bob), requesters: [[cat]] },
      null,
    ],
    [
      'the only approver is the only requester',
      [{ count: 1 }],
      { approvers: [ann], requesters: [[ann]] },
      'gates.quorum',
    ],
    ['one more approver', [{ count: 1 }], { approvers: [ann, bob], requesters: [[ann]] }, null],
    ['one more requester', [{ count: 1 }], { approvers: [ann], requesters: [[ann], [bob]] }, null],
    ['nobody may approve yet', [{ count: 1 }], { approvers: [], requesters: [[ann]] }, null],
  ])('%s', (_, quorum, reach, field) => {
    expect(refusal(quorum, reach)).toBe(field)
  })
})
