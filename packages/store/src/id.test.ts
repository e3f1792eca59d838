import { expect, test } from 'vitest'
import { isId, newId } from './id.ts'

test('an id is a UUID of version 7 that sorts by its time', () => {
  const ids = [1, 2, 2 ** 40].map((at) => newId(at))
  expect(ids.map((id) => [id[14], '89ab'.includes(id[19]!), isId(id)])).toEqual(
    ids.map(() => ['7', true, true]),
  )
  expect([...ids].sort()).toEqual(ids)
  expect(newId()).not.toBe(newId())
})

test.each(['', 'x', newId().toUpperCase(), `${newId()}\n`, `{${newId()}}`, newId().replaceAll('-', '')])(
  'not an id: %j',
  (text) => {
    expect(isId(text)).toBe(false)
  },
)
