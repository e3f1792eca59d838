import { expect, test } from 'vitest'
import * as face from './index.ts'

test('the public face, beside the schemas that are named after what they describe', () => {
  const functions = Object.entries(face).filter(([, value]) => typeof value === 'function')
  expect(functions.map(([name]) => name).sort()).toEqual([
    'CallError',
    'clientOf',
    'createClient',
    'isFinal',
    'openApi',
    'pullCommand',
  ])
})
