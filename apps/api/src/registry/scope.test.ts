import { expect, test } from 'vitest'
import { readScopes, SCOPE_LIMIT } from './scope.ts'

const repository = (name: string, ...actions: string[]) => ({ type: 'repository', name, actions })

test.each([
  [['repository:dev/app:pull'], [repository('dev/app', 'pull')]],
  [
    ['repository:dev/app:push,pull repository:dev/b:pull'],
    [repository('dev/app', 'pull', 'push'), repository('dev/b', 'pull')],
  ],
  [
    ['repository(plugin):dev/app:pull', 'repository:dev/b:*'],
    [repository('dev/app', 'pull'), repository('dev/b', 'pull', 'push', 'delete')],
  ],
  [['registry:catalog:*'], [{ type: 'registry', name: 'catalog', actions: [] }]],
  [['repository:dev/app:fly'], [repository('dev/app')]],
  [['', '  ', 'x', 'x:y', ':', '::'], []],
  [
    [
      'repository:dev/../trusted/app:pull',
      'repository:Dev/app:pull',
      'repository:a:b/c:pull',
      'repository:*:pull',
    ],
    [],
  ],
  [['repository:dev:pull', 'user:dev/app:pull', 'repository:dev/app\u0000:pull'], []],
])('%j', (parameters, scopes) => {
  expect(readScopes(parameters)).toEqual(scopes)
})

test('more than any client sends is refused', () => {
  const scopes = Array.from({ length: SCOPE_LIMIT }, () => 'repository:dev/app:pull')
  expect(readScopes([scopes.join(' ')])).toHaveLength(SCOPE_LIMIT)
  expect(readScopes([...scopes, 'x'])).toBeNull()
})
