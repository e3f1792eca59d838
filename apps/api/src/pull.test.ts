import { expect, test } from 'vitest'
import { addressAt, executedAt } from './pull.ts'

const digest = `sha256:${'a'.repeat(64)}`

test.each([
  ['http://127.0.0.1:8080', null, '127.0.0.1:8080/trusted'],
  ['https://registry.example.com:443', null, 'registry.example.com/trusted'],
  ['http://[::1]:5000', null, '[::1]:5000/trusted'],
  ['https://a.example', 'registry.example:5000', 'registry.example:5000'],
  ['https://a.example', 'registry.example/our/images', 'registry.example/our/images'],
])('asked at %s, images of a feed that is at %s are at %s', (origin, address, at) => {
  expect(addressAt(origin, { feed: 'trusted', address })).toBe(at)
})

test.each([
  ['SUCCEEDED', null, 'docker pull a.example/trusted/app'],
  ['SUCCEEDED', 'r.example/ours', 'docker pull r.example/ours/app'],
  ['FAILED', null, null],
] as const)('what is %s, at %s, can be pulled by %s', (state, address, command) => {
  const target = { feed: 'trusted', repository: 'app', tag: '1.0.0', digest }
  const executed = executedAt('https://a.example', {
    id: 'p',
    requestId: 'r',
    state,
    digest,
    targets: [{ ...target, address }],
    requester: 'ci',
    approvers: ['alice'],
    startedAt: null,
    finishedAt: null,
  })
  expect(executed.targets).toEqual([
    {
      ...target,
      pullCommand: command && `${command}@${digest}`,
      tagPullCommand: command && `${command}:1.0.0`,
    },
  ])
})
