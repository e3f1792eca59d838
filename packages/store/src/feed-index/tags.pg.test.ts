import { isTag } from '@sluice/oci'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type House, openHouse, type Scene, setScene } from '../promotion/test-scene.ts'

let house: House
let scene: Scene
let digest: string
beforeAll(async () => {
  house = await openHouse()
  scene = await setScene(house)
  digest = await scene.push('app', ['1.0.0'])
})
afterAll(() => house.close())

// Lists of tags are sent as Postgres wrote them.
test.each<[string, boolean]>([
  ['latest', true],
  ['1.0.0-rc.1_x', true],
  ['_', true],
  ['9'.repeat(128), true],
  ['9'.repeat(129), false],
  ['', false],
  ['.a', false],
  ['-a', false],
  ['a"b', false],
  ['a\\b', false],
  ['a/b', false],
  ['a:b', false],
  ['a+b', false],
  ['a b', false],
  ['a\n', false],
  ['\na', false],
  ['ä', false],
  ['a<script>', false],
])('Postgres takes for a tag what is one, whoever writes it: %j', async (name, taken) => {
  expect(isTag(name)).toBe(taken)
  const written = house.admin.query(
    `insert into tag (repository_id, name, digest)
     select r.id, $1, $2 from repository r where r.feed_id = $3 and r.name = 'app' on conflict do nothing`,
    [name, digest, scene.dev.id],
  )
  const refused = written.then(
    () => null,
    ({ code, constraint }: { code: string; constraint: string }) => `${code} ${constraint}`,
  )
  expect(await refused).toBe(taken ? null : '23514 tag_name_check')
})
