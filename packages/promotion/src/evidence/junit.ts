import sax from 'sax'
import type { TestSummary } from './evidence.ts'
import { text, unreadable } from './fields.ts'

const DEPTH_LIMIT = 64
const CASES_LIMIT = 500_000
const NAMED = 20
/** What a case says of itself where its tool has no element for it, as googletest. */
const NOT_RUN = /^(?:notrun|disabled|skipped|suppressed)$/i
/** Characters. */
const PIECE = 65_536

/**
 * A JUnit XML report, counted case by case: the totals that its suites claim are not believed. A document
 * type is refused, so no entity of its own is ever expanded. Linear in the text.
 * @throws PromotionError invalid
 */
export function readJUnit(xml: string): TestSummary {
  const parser = sax.parser(true, { position: false })
  const open: string[] = []
  const failedTests: string[] = []
  let cases = 0
  let failed = 0
  let skipped = 0
  let current: { name: string; failed: boolean; skipped: boolean } | null = null
  let suiteFailed = false
  // oxlint-disable-next-line unicorn/prefer-add-event-listener -- a parser of sax, not an event target
  parser.onerror = (error) => {
    throw unreadable(`no well-formed XML (${text(error.message, 120)})`)
  }
  parser.ondoctype = () => {
    throw unreadable('a document type is not taken')
  }
  parser.onopentag = ({ name, attributes }) => {
    if (open.length === 0 && name !== 'testsuites' && name !== 'testsuite') {
      throw unreadable('it is no JUnit report: its root is neither testsuites nor testsuite')
    }
    open.push(name)
    if (open.length > DEPTH_LIMIT) throw unreadable(`it nests deeper than ${DEPTH_LIMIT} levels`)
    if (name === 'testcase') {
      if (current !== null) throw unreadable('a test case stands inside another')
      if (++cases > CASES_LIMIT) throw unreadable(`it has more than ${CASES_LIMIT} test cases`)
      const { classname, name: title, status, result } = attributes
      current = {
        name: [text(classname, 120), text(title, 120)].filter(Boolean).join('.'),
        failed: false,
        skipped: [status, result].some((word) => typeof word === 'string' && NOT_RUN.test(word)),
      }
    }
    if (name === 'failure' || name === 'error') {
      // Outside of any case: the suite itself broke.
      if (current === null) suiteFailed = true
      else current.failed = true
    }
    if (name === 'skipped' && current !== null) current.skipped = true
  }
  parser.onclosetag = (name) => {
    open.pop()
    if (name !== 'testcase' || current === null) return
    if (current.failed) {
      failed++
      if (failedTests.length < NAMED) failedTests.push(current.name)
    } else if (current.skipped) {
      skipped++
    }
    current = null
  }
  // Piece by piece: between them sax bounds what one name, attribute or comment may hold.
  for (let at = 0; at < xml.length; at += PIECE) parser.write(xml.slice(at, at + PIECE))
  parser.close()
  const passed = cases - failed - skipped
  if (failed === 0 && !suiteFailed && passed === 0) throw unreadable('no test of it ran')
  return {
    kind: 'test',
    result: failed > 0 || suiteFailed ? 'FAILED' : 'PASSED',
    passed,
    warned: 0,
    failed: failed + (suiteFailed && failed === 0 ? 1 : 0),
    failedTests,
  }
}
