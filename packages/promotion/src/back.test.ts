import { expect, test } from 'vitest'
import { type AskedItem, resolveBack } from './index.ts'

const digest = `sha256:${'a'.repeat(64)}`
const names = ['trusted', 'prod']

test.each<[string, 'rollback' | 'restore', AskedItem, object]>([
  [
    'a rollback by digest',
    'rollback',
    { image: `app@${digest}`, targetTags: ['stable'] },
    { repository: 'app', tag: null, digest, targetRepository: 'app', targetTags: ['stable'] },
  ],
  [
    'a rollback to a tag',
    'rollback',
    { image: 'app:1.0.0', targetTags: ['stable'] },
    { repository: 'app', tag: '1.0.0', digest: null, targetTags: ['stable'] },
  ],
  [
    'a restore, by a former name of the feed',
    'restore',
    { image: `registry.example/prod/app@${digest}` },
    { repository: 'app', digest, targetRepository: 'app', targetTags: [] },
  ],
])('%s', (_, kind, item, resolved) => {
  expect(resolveBack(kind, [item], 'CVE-1', names)).toEqual([expect.objectContaining(resolved)])
})

const item = { image: `app@${digest}` }
const tagged = { ...item, targetTags: ['stable'] }

test.each<[string, 'rollback' | 'restore', AskedItem[], string | undefined, string[]]>([
  ['no reason', 'rollback', [tagged], undefined, ['reason']],
  ['a blank reason', 'restore', [item], ' \n', ['reason']],
  ['a rollback without tags', 'rollback', [item], 'x', ['items[0].targetTags']],
  ['a restore with tags', 'restore', [tagged], 'x', ['items[0].targetTags']],
  [
    'another repository',
    'rollback',
    [{ ...tagged, targetRepository: 'b' }],
    'x',
    ['items[0].targetRepository'],
  ],
  ['two to restore', 'restore', [item, item], 'x', ['items']],
  ['none to restore', 'restore', [], 'x', ['items']],
  ['none to roll back', 'rollback', [], 'x', ['items']],
  ['no image', 'restore', [{ image: 'APP' }], 'x', ['items[0].image']],
  [
    'all at once',
    'rollback',
    [{ ...item, targetRepository: 'b' }],
    '',
    ['reason', 'items[0].targetRepository', 'items[0].targetTags'],
  ],
])('%s is refused, naming the field', (_, kind, items, reason, fields) => {
  expect(() => resolveBack(kind, items, reason, names)).toThrow(
    expect.objectContaining({
      name: 'PromotionError',
      code: 'invalid',
      issues: fields.map((field) => expect.objectContaining({ field })),
    }),
  )
})
