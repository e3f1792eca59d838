import { expect, test } from 'vitest'
import { giveBack } from './primary.ts'

test.each<[NodeJS.ProcessEnv, object]>([
  [{}, { MALLOC_TRIM_THRESHOLD_: '131072' }],
  [{ MALLOC_TRIM_THRESHOLD_: '1048576' }, {}],
  [{ MALLOC_TRIM_THRESHOLD_: '' }, {}],
])('the threshold of who started it stays: %j', (environment, wanted) => {
  expect(giveBack(environment)).toEqual(wanted)
})
