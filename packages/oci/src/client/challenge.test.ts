import { expect, test } from 'vitest'
import { parseChallenges } from './challenge.ts'

test.each([
  [undefined, []],
  ['Basic realm="a, b"', [['basic', { realm: 'a, b' }]]],
  [
    'Bearer realm="https://a/t",service="s", scope="repository:a/b:pull,push"',
    [['bearer', { realm: 'https://a/t', service: 's', scope: 'repository:a/b:pull,push' }]],
  ],
  [
    'Negotiate, Basic realm=x, Bearer realm="q\\"q"',
    [
      ['negotiate', {}],
      ['basic', { realm: 'x' }],
      ['bearer', { realm: 'q"q' }],
    ],
  ],
  ['"', []],
  [`Bearer realm="${'a'.repeat(9000)}`, []],
] as const)('%s', (header, expected) => {
  const found = parseChallenges(header).map(({ scheme, parameters }) => [
    scheme,
    Object.fromEntries(parameters),
  ])
  expect(found).toEqual(expected)
})

test('hostile headers end soon', () => {
  const began = performance.now()
  for (const part of ['a=', '"\\', ',', 'a ', '=\t']) parseChallenges(part.repeat(4000).slice(0, 8192))
  expect(performance.now() - began).toBeLessThan(500)
})
