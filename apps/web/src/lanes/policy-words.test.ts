import { expect, test } from 'vitest'
import { inWords } from './policy-words.ts'

test.each([
  [{}, ['1 approval', 'not by the requester', 'open for 7 days']],
  [
    {
      gates: {
        quorum: [{ count: 2 }, { count: 1, group: 'qa' }],
        pusher: 'excluded',
        tagRule: { patterns: ['release'] },
        soak: { minutes: 90 },
        freeze: {},
      },
      requestExpiresAfter: { hours: 1 },
    },
    [
      '2 approvals and 1 approval from qa',
      'not by the requester or a pusher',
      'tags release',
      '90 minutes in the from feed',
      'freeze',
      'open for 1 hour',
    ],
  ],
])('%j', (policy, words) => {
  expect(inWords(policy)).toEqual(words)
})
