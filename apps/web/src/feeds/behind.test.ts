import { expect, test } from 'vitest'
import { imagesBehind, newestIn } from './behind.ts'

const place = (feed: string, tag: string | null, digest = tag ?? '') => ({
  feed,
  newest: tag === null ? null : { tag, digest: `sha256:${digest}`, setAt: '2026-01-01T00:00:00.000Z' },
})
const stage = (repository: string, ...places: ReturnType<typeof place>[]) => ({ repository, places })
const lane = { from: 'dev', to: 'trusted' }

test.each([
  ['another version', [place('dev', '1.1'), place('trusted', '1.0')], ['app:1.1']],
  ['the same image by another tag', [place('dev', '1.1', 'x'), place('trusted', '1.0', 'x')], []],
  ['not there yet', [place('dev', '1.1')], []],
  ['without a tag there', [place('dev', '1.1'), place('trusted', null)], []],
  ['without a tag here', [place('dev', null), place('trusted', '1.0')], []],
  ['of another feed', [place('qa', '1.1'), place('trusted', '1.0')], []],
])('%s', (_, places, images) => {
  expect(imagesBehind([stage('app', ...places)], lane)).toEqual(images)
})

test('no more than one request may hold', () => {
  const many = Array.from({ length: 150 }, (_, at) =>
    stage(`app-${at}`, place('dev', '2'), place('trusted', '1')),
  )
  expect(imagesBehind(many, lane)).toHaveLength(100)
})

test('what stands in a feed', () => {
  const app = stage('app', place('dev', '1.1'), place('trusted', null))
  expect(newestIn(app, 'dev')?.tag).toBe('1.1')
  expect(newestIn(app, 'trusted')).toBeNull()
  expect(newestIn(app, 'qa')).toBeNull()
})
