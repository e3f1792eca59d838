import { expect, test } from 'vitest'
import { openApi, operations } from './index.ts'

const document = openApi('1.2.3')

test('every operation is described once, under its id', () => {
  const ids = [...JSON.stringify(document).matchAll(/"operationId":"(\w+)"/g)].map((match) => match[1])
  const wanted = [...Object.keys(operations), 'watchRequest', 'watchChanges']
  expect(new Set(ids)).toEqual(new Set(wanted))
  expect(ids).toHaveLength(wanted.length)
})

test('every reference leads somewhere, so that tools can read it', () => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]*)"/g)].map((match) => match[1])
  expect(new Set(references)).toEqual(new Set(['#/components/schemas/Problem']))
  expect(document.components).toHaveProperty('schemas.Problem.properties.requestId')
})

test.each(Object.entries(operations))('%s: the path and its parameters agree', (_, operation) => {
  const named = [...operation.path.matchAll(/\{([a-z]+)\}/g)].map((match) => match[1])
  expect('params' in operation ? Object.keys(operation.params.shape) : []).toEqual(named)
})
