import { expect, test } from 'vitest'
import * as face from './index.ts'

test('the public face', () => {
  expect(Object.keys(face).sort()).toEqual([
    'AUTOMATIC_TRIES',
    'ROLES',
    'SYSTEM',
    'StoreError',
    'VERBS',
    'actorOf',
    'appendEntry',
    'asStoreError',
    'isId',
    'listen',
    'loadSecret',
    'makeKeyFile',
    'newId',
    'openStore',
    'prepareDatabase',
    'transaction',
  ])
})
