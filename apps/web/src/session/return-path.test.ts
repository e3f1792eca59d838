import { expect, test } from 'vitest'
import { returnPath } from './return-path.ts'

test.each([
  ['/requests/1?a=b', '/requests/1?a=b'],
  ['/', '/'],
  ['//evil.example', '/'],
  ['/\\evil.example', '/'],
  ['https://evil.example', '/'],
  ['javascript:alert(1)', '/'],
  ['/\u0009/evil.example', '/'],
  ['/sign-in?return=/x', '/'],
  [undefined, '/'],
  [7, '/'],
])('after signing in, %j leads to %s', (value, path) => {
  expect(returnPath(value)).toBe(path)
})
