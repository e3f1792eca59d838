import { expect, test } from 'vitest'
import { approvalBody, requestBody } from './index.ts'

const digest = `sha256:${'a'.repeat(64)}`

const wrong: [string, { safeParse: typeof requestBody.safeParse }, unknown, string][] = [
  ['no image', requestBody, { lane: 'l' }, 'image'],
  ['image and items', requestBody, { lane: 'l', items: [{ image: 'a:1' }], image: 'a:1' }, 'image'],
  [
    'tags beside items',
    requestBody,
    { lane: 'l', items: [{ image: 'a:1' }], targetTags: ['1'] },
    'targetTags',
  ],
  ['no items', requestBody, { lane: 'l', items: [] }, 'items'],
  ['a bad target tag', requestBody, { lane: 'l', image: 'a:1', targetTags: ['-x'] }, 'targetTags.0'],
  ['an unknown key', requestBody, { lane: 'l', image: 'a:1', tag: 'x' }, ''],
]

test.each(wrong)('refused: %s', (_, schema, body, field) => {
  const parsed = schema.safeParse(body)
  expect(parsed.error?.issues.map(({ path }) => path.join('.'))).toEqual([field])
})

test('a rejection without a reason is refused', () => {
  expect(approvalBody.safeParse({ decision: 'approve', digest }).success).toBe(true)
  for (const comment of [undefined, '', ' \n']) {
    const parsed = approvalBody.safeParse({
      decision: 'reject',
      digest,
      ...(comment !== undefined && { comment }),
    })
    expect(parsed.error?.issues[0]?.path).toEqual(['comment'])
  }
})
