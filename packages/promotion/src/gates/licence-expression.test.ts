import { expect, test } from 'vitest'
import { deniedBy } from './licence-expression.ts'

const DENIED = ['GPL', 'AGPL', 'GPL-2.0 WITH Classpath', 'The GPL, all of it']
const denied = (licence: string) => DENIED.includes(licence)
const repeated = (count: number, joint: string) => Array.from({ length: count }, () => 'MIT').join(joint)

test.each<[string, boolean]>([
  ['MIT', false],
  ['GPL', true],
  ['The GPL, all of it', true],
  // Of OR one must be open, of AND both; AND binds closer.
  ['MIT OR GPL', false],
  ['GPL OR MIT', false],
  ['GPL OR AGPL', true],
  ['MIT AND BSD', false],
  ['MIT AND GPL', true],
  ['GPL AND MIT', true],
  ['GPL OR AGPL OR MIT', false],
  ['MIT AND BSD AND GPL', true],
  ['MIT OR GPL AND AGPL', false],
  ['GPL OR MIT AND AGPL', true],
  ['GPL AND AGPL OR MIT', false],
  ['(MIT OR GPL) AND AGPL', true],
  ['(MIT OR GPL) AND BSD', false],
  ['BSD AND (GPL OR AGPL)', true],
  ['(GPL)', true],
  // However it is written.
  ['MIT or GPL', false],
  ['MIT and GPL', true],
  ['(MIT)OR(GPL)', false],
  ['  MIT  OR\n\tGPL ', false],
  // An exception belongs to its licence.
  ['GPL WITH Classpath', true],
  ['GPL-2.0 WITH Classpath', true],
  ['GPL-2.0 with Classpath', true],
  ['GPL-2.0 WITH Other', false],
  ['GPL-2.0 WITH GPL', false],
  ['GPL-2.0 WITH Classpath OR MIT', false],
  ['MIT AND GPL-2.0 WITH Classpath', true],
  // Names that only look like an operator.
  ['ORACLE OR GPL', false],
  ['XOR OR GPL', false],
  ['BRAND AND BSD', false],
  // What is no expression is closed by any word of it.
  ['MIT GPL', true],
  ['MIT BSD', false],
  ['GPL OR', true],
  ['MIT OR', false],
  ['OR GPL', true],
  ['MIT OR OR GPL', true],
  ['(MIT OR GPL', true],
  ['MIT OR GPL)', true],
  ['MIT) OR GPL', true],
  ['MIT OR () OR GPL', true],
  ['MIT OR GPL WITH', true],
  ['MIT OR WITH GPL', true],
  ['', false],
  ['AND', false],
  // So deep and so long is read, and no further.
  [`${'('.repeat(50)}MIT OR GPL${')'.repeat(50)}`, false],
  [`${'('.repeat(51)}MIT OR GPL${')'.repeat(51)}`, true],
  [`${repeated(499, ' OR ')} OR GPL`, false],
  [repeated(501, ' OR '), true],
  [repeated(1_000, ' '), false],
])('%s: %s', (expression, closed) => {
  expect(deniedBy(expression, denied)).toBe(closed)
})
