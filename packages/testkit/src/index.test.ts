import { expect, test } from 'vitest'
import * as face from './index.ts'

test('the public face', () => {
  expect(Object.keys(face).sort()).toEqual([
    'REGISTRY_KINDS',
    'cloneDatabase',
    'emptyDatabase',
    'freePort',
    'indexOf',
    'makeAuthority',
    'onArchitecture',
    'plain',
    'pushBlob',
    'pushImage',
    'pushIndex',
    'pushManifest',
    'referrerTo',
    'startConnectProxy',
    'startFlakyProxy',
    'startRegistry',
    'startTokenGate',
    'testPostgres',
    'until',
    'wantProgram',
    'writeLayout',
  ])
})
