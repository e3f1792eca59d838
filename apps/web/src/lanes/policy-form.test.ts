import { expect, test } from 'vitest'
import { applyForm, beyondForm, readForm } from './policy-form.ts'

const full = {
  gates: {
    quorum: [{ count: 1, group: 'qa' }, { count: 2 }],
    requester: 'excluded',
    pusher: 'excluded',
    tagRule: { patterns: ['release'] },
    soak: { minutes: 30 },
    signature: { keys: ['ci'] },
  },
  keys: { ci: 'PEM' },
  requestExpiresAfter: { hours: 24 },
}

test('a policy read into the form and back is the same, what has no form included', () => {
  expect(applyForm(full, readForm(full))).toEqual(full)
  expect(beyondForm(full)).toEqual(['signature', 'keys'])
})

test('an empty policy shows what the service would fill in', () => {
  expect(readForm({})).toEqual({
    quorum: [{ count: 1, group: '' }],
    pusherExcluded: false,
    tagPatterns: [],
    soakMinutes: 0,
    expiresAfterHours: 168,
  })
})

test('what is switched off is gone', () => {
  const form = { ...readForm(full), pusherExcluded: false, tagPatterns: [], soakMinutes: 0 }
  expect(applyForm(full, form)['gates']).toEqual({
    quorum: full.gates.quorum,
    requester: 'excluded',
    signature: full.gates.signature,
  })
})
