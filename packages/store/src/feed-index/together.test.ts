import { expect, test } from 'vitest'
import { askedTogether } from './together.ts'

/** Questions that the test answers itself, in the order they were asked. */
function questions() {
  const asked: { key: string; answer: (value: string) => void; fail: (error: Error) => void }[] = []
  const ask = askedTogether(
    (key) =>
      new Promise<string>((resolve, reject) => {
        asked.push({ key, answer: resolve, fail: reject })
      }),
  )
  return { asked, ask }
}

test('who comes while a question is under way shares the next one, not its answer', async () => {
  const { asked, ask } = questions()
  const first = ask('dev')
  const later = [ask('dev'), ask('dev')]
  expect(asked.length).toBe(1)
  asked[0]?.answer('old')
  expect(await first).toBe('old')
  await expect.poll(() => asked.length).toBe(2)
  asked[1]?.answer('new')
  expect(await Promise.all(later)).toEqual(['new', 'new'])
})

test('different questions do not wait for each other', async () => {
  const { asked, ask } = questions()
  void ask('dev')
  void ask('trusted')
  expect(asked.map(({ key }) => key)).toEqual(['dev', 'trusted'])
})

test('a question that failed fails for who shared it, and the next one is asked anew', async () => {
  const { asked, ask } = questions()
  const [first, second] = [ask('dev'), ask('dev')]
  asked[0]?.fail(new Error('gone'))
  await expect(first).rejects.toThrow('gone')
  await expect.poll(() => asked.length).toBe(2)
  asked[1]?.answer('back')
  expect(await second).toBe('back')
  const third = ask('dev')
  expect(asked.length).toBe(3)
  asked[2]?.answer('again')
  expect(await third).toBe('again')
})

test('while they are under way many questions are two', async () => {
  const { asked, ask } = questions()
  const all = Array.from({ length: 64 }, () => ask('dev'))
  asked[0]?.answer('a')
  await expect.poll(() => asked.length).toBe(2)
  asked[1]?.answer('b')
  expect(new Set(await Promise.all(all))).toEqual(new Set(['a', 'b']))
  expect(asked.length).toBe(2)
})
