import { describe, expect, test } from 'vitest'
import { decideCreation } from './index.ts'
import { digest, gate, later, other, refusal } from './test-refusal.ts'

// What a person is told when a rule says no: the code, the words, and what a client gets beside them.

describe('creation', () => {
  const asked = {
    targets: [{ repository: 'app', tag: '1.0.0', digest, current: null }],
    toFeed: { name: 'trusted', trusted: true, tagRules: {} },
    foreignLayers: [],
    gates: [],
  }

  test('what waits, moves what may move, or is there already is let be', () => {
    const moving = { repository: 'app', tag: 'main', digest, current: other }
    const same = { repository: 'app', tag: '1.0.0', digest, current: digest }
    const toFeed = {
      ...asked.toFeed,
      tagRules: { versions: true, permitted: ['main'], immutable: ['release'] },
    }
    const gates = [gate('quorum', 'wait'), gate('soak', 'wait', { until: later.toISOString() })]
    expect(decideCreation({ ...asked, toFeed, gates, targets: [moving, same] })).toBeUndefined()
    const foreign = { ...asked, foreignLayers: [other], toFeed: { ...asked.toFeed, trusted: false } }
    expect(decideCreation(foreign)).toBeUndefined()
  })

  test('a tag that the feed does not let anybody set', () => {
    const tagRules = { versions: true, permitted: ['main', 'x-*'] }
    const targets = [{ repository: 'team/app', tag: 'stable', digest, current: other }]
    expect(
      refusal(() => decideCreation({ ...asked, targets, toFeed: { ...asked.toFeed, tagRules } })),
    ).toEqual({
      code: 'tag_not_permitted',
      message:
        'trusted/team/app: the tag stable is neither a release nor permitted here; tags may be release tags (X.Y.Z or X.Y.Z-pre) and main, x-*',
      issues: [],
      detail: { repository: 'team/app', tag: 'stable', rule: 'versions: permitted' },
    })
    const virtual = [{ repository: 'app', tag: '1.0', digest, current: null }]
    expect(
      refusal(() =>
        decideCreation({
          ...asked,
          targets: virtual,
          toFeed: { ...asked.toFeed, tagRules: { versions: true } },
        }),
      ),
    ).toEqual({
      code: 'tag_not_permitted',
      message:
        'trusted/app: the tag 1.0 is virtual here: the feed itself keeps X, X.Y and latest on the highest release; tags may be release tags (X.Y.Z or X.Y.Z-pre)',
      issues: [],
      detail: { repository: 'app', tag: '1.0', rule: 'versions: virtual' },
    })
  })

  test('an immutable tag, naming both digests', () => {
    const toFeed = { ...asked.toFeed, tagRules: { immutable: ['x', 'release'] } }
    const targets = [
      { repository: 'app', tag: 'main', digest, current: other },
      { repository: 'app', tag: '1.0.0', digest, current: other },
    ]
    expect(refusal(() => decideCreation({ ...asked, toFeed, targets }))).toEqual({
      code: 'tag_exists',
      message: `trusted/app:1.0.0 is ${other} and immutable (release); ${digest} needs another tag`,
      issues: [],
      detail: { repository: 'app', tag: '1.0.0', current: other, asked: digest, rule: 'release' },
    })
  })

  test('layers that stay with their vendor, the first five named', () => {
    const foreignLayers = ['l1', 'l2', 'l3', 'l4', 'l5', 'l6']
    expect(refusal(() => decideCreation({ ...asked, foreignLayers }))).toEqual({
      code: 'foreign_layers',
      message:
        'the image has layers that stay with their vendor (l1, l2, l3, l4, l5); trusted takes only what it can hold in full',
      issues: [],
      detail: { layers: foreignLayers },
    })
  })

  test('gates that block', () => {
    const blocked = [gate('tests', 'block'), gate('sbom', 'block', { reasons: ['none'] })]
    expect(refusal(() => decideCreation({ ...asked, gates: [gate('quorum', 'wait'), ...blocked] }))).toEqual({
      code: 'gate_refused',
      message: 'tests: tests says block, and more; sbom: none',
      issues: [],
      detail: { gates: blocked },
    })
  })
})
