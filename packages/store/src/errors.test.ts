import { readMigrations } from './migrations.ts'
import { describe, expect, test } from 'vitest'
import { asStoreError, postgresError, REFUSALS, StoreError } from './errors.ts'

test('the closed codes are those that the migrations refuse with', () => {
  const refused = readMigrations().flatMap(({ sql }) =>
    [...sql.matchAll(/perform refuse\('(\w+)'/g)].map((match) => match[1]!),
  )
  expect([...new Set(refused)].sort()).toEqual([...REFUSALS])
})

describe('asStoreError', () => {
  const said = { code: 'SL001', message: 'fenced', detail: 'no longer run by this worker' }
  const adapter = { originalCode: 'SL001', originalMessage: 'fenced', kind: 'postgres', detail: said.detail }

  test.each([
    ['of pg', Object.assign(new Error('fenced'), said)],
    [
      'of Prisma, raw',
      { code: 'P2010', meta: { driverAdapterError: { name: 'DriverAdapterError', cause: adapter } } },
    ],
    ['of Prisma, a cause', { message: 'x', cause: { name: 'DriverAdapterError', cause: adapter } }],
  ])('a refusal %s', (_, error) => {
    expect(asStoreError(error)).toMatchObject({
      name: 'StoreError',
      code: 'fenced',
      message: said.detail,
      cause: error,
    })
  })

  test.each([['08006'], ['57P01'], ['53300'], ['ECONNREFUSED']])('%s: unavailable', (code) => {
    expect(asStoreError({ code })).toMatchObject({ code: 'unavailable' })
  })

  test.each([
    [
      'a client of pg whose connection broke',
      new Error('Client has encountered a connection error and is not queryable'),
    ],
    ['a client of pg that was closed', new Error('Client was closed and is not queryable')],
    [
      'a raw query of Prisma',
      { code: 'P2010', meta: { driverAdapterError: { cause: { kind: 'DatabaseNotReachable' } } } },
    ],
    ['the adapter itself', { name: 'DriverAdapterError', cause: { kind: 'ConnectionClosed' } }],
  ])('%s: unavailable', (_, error) => {
    expect(asStoreError(error)).toMatchObject({ code: 'unavailable', cause: error })
  })

  test('leaves what it does not know, and what is one already', () => {
    const circle: { cause?: unknown } = {}
    circle.cause = circle
    for (const error of [
      new TypeError('x'),
      { code: 'SL001', message: 'no_such_code' },
      new StoreError('not_found', 'x'),
      null,
      'text',
      circle,
    ]) {
      expect(asStoreError(error)).toBe(error)
    }
    expect(postgresError(circle)).toBeNull()
  })
})
