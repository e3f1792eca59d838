import { expect, test } from 'vitest'
import { processSettings } from './primary.ts'

test.each([
  [{}, { MALLOC_TRIM_THRESHOLD_: '131072', UV_THREADPOOL_SIZE: '16' }],
  [{ MALLOC_TRIM_THRESHOLD_: '1048576' }, { UV_THREADPOOL_SIZE: '16' }],
  [{ UV_THREADPOOL_SIZE: '4' }, { MALLOC_TRIM_THRESHOLD_: '131072' }],
  [{ MALLOC_TRIM_THRESHOLD_: '', UV_THREADPOOL_SIZE: '' }, {}],
])('what whoever started the service has set stays: %j', (environment, wanted) => {
  expect(processSettings(environment)).toEqual(wanted)
})
