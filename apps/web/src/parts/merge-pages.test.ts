import { expect, test } from 'vitest'
import { mergePages } from './merge-pages.ts'

const page = (items: string, next: string | null) => ({ items: items.split(''), next })
const known = { pages: [page('fed', 'd'), page('cba', 'a')], pageParams: [null, 'd'] }
const same = (item: string) => item

test.each([
  ['nothing happened', page('fed', 'd'), [page('fed', 'd'), page('cba', 'a')]],
  ['one came', page('gfe', 'e'), [page('gfed', 'd'), page('cba', 'a')]],
  ['one left its place', page('edc', 'c'), [page('edcba', 'a')]],
  ['several came, and one left', page('hgf', 'f'), [page('hgfed', 'd'), page('cba', 'a')]],
  ['more came than a page holds', page('kji', 'i'), [page('kji', 'i')]],
  ['all that is left is one page', page('fe', null), [page('fe', null)]],
  ['nothing is left', page('', null), [page('', null)]],
])('%s', (_, first, pages) => {
  const merged = mergePages(known, first, same)
  expect(merged.pages).toEqual(pages)
  expect(merged.pageParams).toEqual(pages.length === 2 ? [null, 'd'] : [null])
})
