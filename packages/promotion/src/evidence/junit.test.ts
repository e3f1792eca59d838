import { describe, expect, test } from 'vitest'
import { readEvidence } from '../index.ts'
import { bytesOf, read, said } from './test-documents.ts'

describe('JUnit', () => {
  test.each<[string, string]>([
    ['<!DOCTYPE a><testsuite/>', 'a document type is not taken'],
    ['<html/>', 'it is no JUnit report: its root is neither testsuites nor testsuite'],
    ['<testsuite>', 'no well-formed XML (Unclosed root tag)'],
    ['<testsuite><testcase><testcase/></testcase></testsuite>', 'a test case stands inside another'],
    ['<testsuite/>', 'no test of it ran'],
    ['<testsuite>'.repeat(65), 'it nests deeper than 64 levels'],
  ])('%s', (xml, message) => {
    expect(said(xml)).toBe(message)
  })

  test('as deep as may be; a failure outside of any case; names, the first twenty', () => {
    const deep = `${'<testsuite>'.repeat(63)}<testcase name="a"/>${'</testsuite>'.repeat(63)}`
    expect(readEvidence(bytesOf(deep)).summary).toMatchObject({ result: 'PASSED', passed: 1 })
    const many = Array.from(
      { length: 21 },
      (_, i) => `<testcase classname="c" name="t${i}"><failure/></testcase>`,
    )
    const { summary } = readEvidence(bytesOf(`<testsuites>${many.join('')}</testsuites>`))
    expect(summary).toMatchObject({ result: 'FAILED', failed: 21, failedTests: { length: 20 } })
    const both = readEvidence(
      bytesOf(
        '<testsuite><error/><testcase name="x"><error/></testcase><testcase><skipped/></testcase></testsuite>',
      ),
    )
    expect(both.summary).toEqual({
      kind: 'test',
      result: 'FAILED',
      passed: 0,
      warned: 0,
      failed: 1,
      failedTests: ['x'],
    })
    // Skipped outside of a case, and a case that is both.
    const odd = readEvidence(
      bytesOf('<testsuite><skipped/><testcase><skipped/><failure/></testcase><testcase/></testsuite>'),
    )
    expect(odd.summary).toMatchObject({ passed: 1, failed: 1, failedTests: [''] })
  })
})

// As the tools' own schemas have them, with what they write besides.
describe('documents as tools write them', () => {
  test('JUnit: suites in suites, output, properties, and a test that was repeated until it passed', () => {
    const { summary } = read(`<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="all" tests="9" failures="9" time="1.5">
  <testsuite name="outer" tests="2"><properties><property name="a" value="b"/></properties>
    <testsuite name="inner"><testcase classname="a.B" name="c" time="0.1"><system-out>x</system-out></testcase></testsuite>
    <testcase name="flaky"><flakyFailure message="once"/></testcase>
    <testcase classname="a.B" name="broke"><error type="E">why</error><failure/></testcase>
  </testsuite>
  <testsuite name="empty" tests="0"/>
</testsuites>`)
    expect(summary).toEqual({
      kind: 'test',
      result: 'FAILED',
      passed: 2,
      warned: 0,
      failed: 1,
      failedTests: ['a.B.broke'],
    })
  })

  test('JUnit: a case that says of itself that it did not run, as googletest writes it, has not passed', () => {
    const cases = [
      'status="notrun" result="suppressed"',
      'status="disabled"',
      'result="skipped"',
      'status="run" result="completed"',
    ]
    const xml = (some: string[]) =>
      `<testsuite>${some.map((said, i) => `<testcase name="c${i}" ${said}/>`).join('')}</testsuite>`
    expect(read(xml(cases)).summary).toMatchObject({ result: 'PASSED', passed: 1, failed: 0 })
    expect(() => read(xml(cases.slice(0, 3)))).toThrow('no test of it ran')
    const broken = read('<testsuite><testcase name="a" status="notrun"><failure/></testcase></testsuite>')
    expect(broken.summary).toMatchObject({ result: 'FAILED', failed: 1 })
  })

  test('JUnit: a suite that broke outside of its tests has failed, whatever its tests say', () => {
    const { summary } = read('<testsuite><testcase name="a"/><error message="no setup"/></testsuite>')
    expect(summary).toMatchObject({ result: 'FAILED', passed: 1, failed: 1, failedTests: [] })
  })
})
