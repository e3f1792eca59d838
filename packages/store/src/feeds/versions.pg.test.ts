import { FeedError } from '@sluice/feed'
import { parseManifest } from '@sluice/oci'
import { immutableBy, isSignatureTag, matchesTag, refuseTag, type TagRules } from '@sluice/promotion'
import { until } from '@sluice/testkit'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type House, openHouse, type Scene, setScene } from '../promotion/test-scene.ts'

let house: House

beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house.close())

const RULES: TagRules = { versions: true, permitted: ['edge', 'pr-*'], immutable: ['release'] }
const page = { limit: 100 }
const SIGNATURE = `sha256-${'a'.repeat(64)}.sig`

/** A feed that takes pushes, with these rules, and what a test does there. */
async function versioned(rules: TagRules = RULES) {
  const scene = await setScene(house, { devTagRules: rules })
  const address = { feed: scene.dev, repository: 'app' }
  const index = house.api.feedIndex
  return {
    scene,
    push: (...tags: string[]) => scene.push('app', tags),
    /** Pushes, and answers what became of each tag. */
    outcomes: async (tags: string[], digest: string) => {
      const { bytes, mediaType } = (await index.findManifest(address, digest))!
      const manifest = parseManifest(bytes, mediaType)
      return index.putManifest({ address, manifest, digest, tags, principalId: scene.rita.principalId })
    },
    pull: async (tag: string) => (await index.findManifest(address, tag))?.digest ?? null,
    listed: async (limit = 100, last: string | null = null) => {
      const found = await index.listTags(address, { limit, last })
      const names: string[] = JSON.parse(found?.json ?? 'null')
      return found && { names, last: found.last, more: found.more }
    },
    tags: (query: object = {}) => house.api.feeds.tags(scene.dev.id, 'app', { ...page, ...query }),
    removeTag: (tag: string) => index.deleteTag(address, tag, scene.rita.principalId),
    removeManifest: (digest: string) => index.deleteManifest(address, digest, scene.rita.principalId),
    removeBlob: (digest: string) => index.deleteBlob(address, digest),
    setRules: (tagRules: TagRules) =>
      scene.sql('update feed set tag_rules = $2 where id = $1', [scene.dev.id, tagRules]),
    blobsOf: async (digest: string) =>
      (
        await scene.sql<{ digest: string }>(
          `select child_digest as digest from manifest_edge where parent_digest = $1`,
          [digest],
        )
      ).map((row) => row.digest),
  }
}

describe('virtual tags', () => {
  test('follow precedence, whenever a release is pushed, and pre-releases not at all', async () => {
    const { push, pull } = await versioned()
    expect(await pull('latest')).toBeNull()
    const candidate = await push('3.1.0-rc.1')
    expect(candidate).not.toBeNull()
    expect(await pull('latest')).toBeNull()
    const three = await push('3.1.0')
    const two = await push('2.8.4')
    await push('3.2.0-beta')
    for (const tag of ['latest', 'latest-stable', '3', '3.1'])
      expect([tag, await pull(tag)]).toEqual([tag, three])
    for (const tag of ['2', '2.8']) expect([tag, await pull(tag)]).toEqual([tag, two])
    for (const tag of ['3.2', '4', 'edge']) expect([tag, await pull(tag)]).toEqual([tag, null])
  })

  test('are nowhere stored, and nobody has moved them', async () => {
    const { push, scene } = await versioned()
    await push('1.0.0')
    expect(
      await scene.sql(
        'select t.name from tag t join repository r on r.id = t.repository_id where r.feed_id = $1',
        [scene.dev.id],
      ),
    ).toEqual([{ name: '1.0.0' }])
    expect((await house.api.feeds.tagHistory(scene.dev.id, 'app', 'latest', page)).items).toEqual([])
  })

  test('are found by a part of the name or the beginning of a digest, from either end', async () => {
    const { push, tags } = await versioned()
    const one = await push('1.0.0', 'edge')
    const two = await push('1.10.0')
    await push('1.9.0')
    const names = async (query: object) => (await tags(query)).items.map(({ tag }) => tag)
    const all = await names({})
    expect(await names({ order: 'desc' })).toEqual(all.toReversed())
    expect(await names({ find: '1.9' })).toEqual(['1.9', '1.9.0'])
    expect(await names({ find: '1.9', order: 'desc' })).toEqual(['1.9.0', '1.9'])
    expect(await names({ find: one.slice(0, 20), order: 'desc' })).toEqual(
      ['edge', '1.0.0', '1.0']
        .filter((tag) => all.includes(tag))
        .sort((a, b) => all.indexOf(b) - all.indexOf(a)),
    )
    expect(await names({ find: two })).toEqual(
      all.filter((tag) => ['1', '1.10', '1.10.0', 'latest'].includes(tag)),
    )
    expect(await names({ find: 'nothing' })).toEqual([])
    for (const order of ['asc', 'desc']) {
      const found = []
      let after: string | null = null
      do {
        const page: { items: readonly { tag: string }[]; next: string | null } = await tags({
          order,
          limit: 2,
          after,
        })
        found.push(...page.items.map(({ tag }) => tag))
        after = page.next
      } while (after !== null)
      expect(found).toEqual(order === 'desc' ? all.toReversed() : all)
    }
  })

  test('are listed among the others: marked, in version order', async () => {
    const { push, tags } = await versioned()
    const nine = await push('1.9.0', 'edge')
    const ten = await push('1.10.0')
    const { items } = await tags()
    expect(items.map(({ tag, virtual, release, digest }) => [tag, virtual, release, digest])).toEqual([
      ['1', true, '1.10.0', ten],
      ['1.9', true, '1.9.0', nine],
      ['1.9.0', false, null, nine],
      ['1.10', true, '1.10.0', ten],
      ['1.10.0', false, null, ten],
      ['edge', false, null, nine],
      ['latest', true, '1.10.0', ten],
    ])
    expect(items[0]).toMatchObject({ size: items[4]!.size, pushedBy: items[4]!.pushedBy })
    const first = await tags({ limit: 3 })
    const rest = await tags({ limit: 4, after: first.next })
    expect([...first.items, ...rest.items]).toEqual(items)
    expect(rest.next).toBeNull()
  })

  test('are part of what /v2 lists, page by page, in ASCII order', async () => {
    const { push, listed } = await versioned()
    expect(await listed()).toBeNull()
    await push('1.9.0', 'edge')
    await push('1.10.0')
    const all = ['1', '1.10', '1.10.0', '1.9', '1.9.0', 'edge', 'latest']
    expect(await listed()).toEqual({ names: all, last: 'latest', more: false })
    for (const limit of [1, 2, 3, 6, 7]) {
      const seen: string[] = []
      for (let last: string | null = null, more = true; more; ) {
        const found = await listed(limit, last)
        expect(found!.names.length).toBeLessThanOrEqual(limit)
        seen.push(...found!.names)
        expect(found!.last).toBe(found!.names.at(-1))
        last = found!.last
        more = found!.more
      }
      expect(seen).toEqual(all)
    }
  })

  test('a range finds releases, and latest-stable the highest', async () => {
    const { push, tags } = await versioned({})
    await push('1.4.2', '1.4.10', '1.5.0', '2.0.0-rc.1', 'latest')
    const found = async (range: string) => (await tags({ range })).items.map(({ tag }) => tag)
    expect(await found('~1.4')).toEqual(['1.4.2', '1.4.10'])
    expect(await found('latest-stable')).toEqual(['1.5.0'])
    expect(await found('>=2.0.0-0')).toEqual(['2.0.0-rc.1'])
    await expect(found('one')).rejects.toMatchObject({ code: 'invalid', issues: [{ field: 'range' }] })
  })

  test('are what they were at a time', async () => {
    const { push, scene } = await versioned()
    const one = await push('1.0.0')
    const now = new Date()
    await until(() => Date.now() > now.getTime() + 2, { what: 'the next millisecond' })
    const two = await push('1.1.0')
    const at = (tag: string, time: Date) => house.api.feeds.tagAt(scene.dev.id, 'app', tag, time)
    expect([await at('latest', now), await at('1.1', now), await at('1.0.0', now)]).toEqual([one, null, one])
    expect(await at('latest', new Date(Date.now() + 60_000))).toBe(two)
    expect(await at('latest', new Date(0))).toBeNull()
  })
})

describe('where tags are versions', () => {
  test.each([
    ['1.0.0', true, null],
    ['1.0.0-rc.1', true, null],
    ['edge', true, null],
    ['pr-7', true, null],
    [SIGNATURE, true, null],
    ['main', false, 'versions: permitted'],
    ['latest', false, 'versions: virtual'],
    ['0.0', false, 'versions: virtual'],
  ])('a push of %s: %s %s', async (tag, moves, rule) => {
    const { push, outcomes, pull } = await versioned()
    const digest = await push('0.0.1')
    const [outcome] = await outcomes([tag], digest)
    expect(outcome).toMatchObject({ tag, moved: moves, ...(rule !== null && { refusal: { rule } }) })
    expect(await pull(tag)).toBe(rule === 'versions: permitted' ? null : digest)
  })

  test('of several tags those that may be are set', async () => {
    const { push, outcomes } = await versioned()
    const digest = await push('0.0.1')
    expect(await outcomes(['latest', 'edge', '0.0.1'], digest)).toMatchObject([
      { tag: 'latest', moved: false, refusal: { rule: 'versions: virtual' } },
      { tag: 'edge', moved: true },
      { tag: '0.0.1', moved: false, refusal: null },
    ])
  })

  test('what was there before the rule stays, wins, and moves no more', async () => {
    const { push, outcomes, pull, setRules, tags, removeTag, listed } = await versioned({})
    const old = await push('latest', 'main', '1.0.0')
    const next = await push('1.1.0')
    await setRules(RULES)
    expect([await pull('latest'), await pull('main'), await pull('1')]).toEqual([old, old, next])
    const { items } = await tags()
    expect(items.filter(({ tag }) => tag === 'latest')).toMatchObject([
      { digest: old, virtual: false, release: null },
    ])
    expect((await listed())?.names).toEqual(['1', '1.0', '1.0.0', '1.1', '1.1.0', 'latest', 'main'])
    // The same digest is no move.
    expect(await outcomes(['latest', 'main'], old)).toEqual([
      { tag: 'latest', moved: false, refusal: null },
      { tag: 'main', moved: false, refusal: null },
    ])
    expect(await outcomes(['latest', 'main'], next)).toMatchObject([
      { moved: false, refusal: { rule: 'versions: virtual' } },
      { moved: false, refusal: { rule: 'versions: permitted' } },
    ])
    // Once removed, the feed itself keeps it.
    expect(await removeTag('latest')).toBe(true)
    expect(await pull('latest')).toBe(next)
    await expect(removeTag('latest')).rejects.toMatchObject({ code: 'DENIED', status: 403 })
    await expect(removeTag('2')).rejects.toThrow(FeedError)
  })
})

describe('immutable', () => {
  const denied = { code: 'DENIED', status: 403, detail: { tag: '1.0.0', rule: 'immutable: release' } }

  test('is neither moved nor removed; the same digest again is fine', async () => {
    const { push, outcomes, pull, removeTag, removeManifest } = await versioned()
    const one = await push('1.0.0')
    const two = await push('edge')
    expect(await outcomes(['1.0.0'], one)).toEqual([{ tag: '1.0.0', moved: false, refusal: null }])
    const [refused] = await outcomes(['1.0.0'], two)
    expect(refused).toMatchObject({ moved: false, refusal: { rule: 'immutable: release' } })
    expect(refused).toMatchObject({ refusal: { message: expect.stringContaining(one) } })
    expect(refused).toMatchObject({ refusal: { message: expect.stringContaining(two) } })
    await expect(removeTag('1.0.0')).rejects.toMatchObject(denied)
    await expect(removeManifest(one)).rejects.toMatchObject(denied)
    expect(await pull('1.0.0')).toBe(one)
    expect([await removeTag('edge'), await removeManifest(two), await removeTag('edge')]).toEqual([
      true,
      true,
      false,
    ])
  })

  test('holds the whole image: children, configs and layers', async () => {
    const { scene, removeManifest, removeBlob, blobsOf, push } = await versioned()
    const index = await scene.push('app', ['1.0.0'], { index: true })
    const children = await blobsOf(index)
    for (const child of children) {
      await expect(removeManifest(child)).rejects.toMatchObject(denied)
      for (const blob of await blobsOf(child)) await expect(removeBlob(blob)).rejects.toMatchObject(denied)
    }
    const free = await push('edge')
    const [config = '', layer = ''] = await blobsOf(free)
    expect([await removeBlob(config), await removeBlob(layer), await removeBlob(layer)]).toEqual([
      true,
      true,
      false,
    ])
  })

  test('never are signatures: they come after what they sign', async () => {
    const { push, outcomes, pull, removeTag } = await versioned({ immutable: ['*'] })
    const one = await push(SIGNATURE)
    const two = await push('free')
    expect(await outcomes([SIGNATURE], two)).toEqual([{ tag: SIGNATURE, moved: true }])
    expect([await pull(SIGNATURE), one]).toEqual([two, one])
    expect(await removeTag(SIGNATURE)).toBe(true)
  })
})

describe('Postgres refuses by itself', () => {
  /** A tag written past all code, by the role of the api. */
  const write = async (scene: Scene, text: string, values: unknown[] = []) => {
    const [repository] = await scene.sql<{ id: string }>('select id from repository where feed_id = $1', [
      scene.dev.id,
    ])
    return house.api.pool.query(text, [repository!.id, ...values])
  }
  const insert = 'insert into tag (repository_id, name, digest) values ($1, $2, $3)'
  const refusal = (code: string) => ({ code: 'SL001', message: code })

  test.each(['latest', '1', '1.0', 'main'])('the tag %s', async (tag) => {
    const { scene, push } = await versioned()
    const digest = await push('1.0.0')
    await expect(write(scene, insert, [tag, digest])).rejects.toMatchObject(refusal('tag_not_permitted'))
  })

  test('a move, a new name, a removal of what is immutable', async () => {
    const { scene, push } = await versioned()
    await push('1.0.0')
    const other = await push('edge')
    const immutable = refusal('tag_immutable')
    const of = `where repository_id = $1 and name = '1.0.0'`
    await expect(write(scene, `update tag set digest = $2 ${of}`, [other])).rejects.toMatchObject(immutable)
    await expect(write(scene, `update tag set name = 'edge-2' ${of}`)).rejects.toMatchObject(immutable)
    await expect(write(scene, `delete from tag ${of}`)).rejects.toMatchObject(immutable)
    await write(scene, `delete from tag where repository_id = $1 and name = 'edge'`)
  })

  test('by the rules that the code reads', async () => {
    const part = fc.constantFrom(
      '1',
      '0',
      '.',
      '-',
      '_',
      'a',
      'rc',
      'latest',
      '*',
      'x',
      `sha256-${'a'.repeat(64)}`,
      '.sig',
    )
    const text = (of: typeof part) =>
      fc.array(of, { minLength: 1, maxLength: 7 }).map((parts) => parts.join(''))
    // The last one is taken in any run; what is random may be refused throughout.
    const tags = [...fc.sample(text(part.filter((one) => one !== '*')), 400), 'a-x']
    const patterns = [...fc.sample(fc.oneof(text(part), fc.constant('release')), 400), 'a*']
    const { rows } = await house.admin.query(
      `select array_agg(matches_tag(p, t) order by i) as matches, array_agg(is_signature_tag(t) order by i) as signature,
         array_agg(not is_signature_tag(t) and not is_release_tag(t) and (is_virtual_tag(t) or not matches_tag(p, t)) order by i) as refused
       from unnest($1::text[], $2::text[]) with ordinality u (p, t, i)`,
      [patterns, tags],
    )
    const at = (i: number): [string, string] => [patterns[i] ?? '', tags[i] ?? '']
    const ours = tags.map((tag, i) => {
      const [pattern] = at(i)
      return {
        matches: matchesTag(pattern, tag),
        signature: isSignatureTag(tag),
        refused: refuseTag({ versions: true, permitted: [pattern] }, tag) !== null,
      }
    })
    const theirs = tags.map((_, i) => ({
      matches: rows[0].matches[i],
      signature: rows[0].signature[i],
      refused: rows[0].refused[i],
    }))
    expect(theirs).toEqual(ours)
    expect(ours.some(({ matches }) => matches) && ours.some(({ refused }) => !refused)).toBe(true)
    expect(immutableBy({ immutable: ['release'] }, '1.0.0')).toBe('release')
  })
})
