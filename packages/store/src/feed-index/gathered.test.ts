import { expect, test } from 'vitest'
import { gathered } from './gathered.ts'

/** Statements that the test answers itself, in the order they were sent. */
function statements() {
  const sent: { questions: readonly string[]; answer: () => void; fail: (error: Error) => void }[] = []
  let version = 0
  const ask = gathered(
    (questions: readonly string[]) =>
      new Promise<string[]>((resolve, reject) => {
        // What is seen is what is there when the statement begins.
        const seen = version
        const answer = () => resolve(questions.map((question) => `${question} at ${seen}`))
        sent.push({ questions, answer, fail: reject })
      }),
  )
  return { sent, ask, change: () => ++version }
}

test('what comes together is one statement, and each gets the own answer', async () => {
  const { sent, ask } = statements()
  const answers = Promise.all(['a', 'b', 'a'].map(ask))
  await expect.poll(() => sent.length).toBe(1)
  expect(sent[0]?.questions).toEqual(['a', 'b', 'a'])
  sent[0]?.answer()
  expect(await answers).toEqual(['a at 0', 'b at 0', 'a at 0'])
})

test('who comes after a statement began gets none of its answers', async () => {
  const { sent, ask, change } = statements()
  const first = ask('a')
  await expect.poll(() => sent.length).toBe(1)
  change()
  const second = ask('a')
  await expect.poll(() => sent.length).toBe(2)
  sent[1]?.answer()
  expect(await second).toBe('a at 1')
  sent[0]?.answer()
  expect(await first).toBe('a at 0')
})

test('two statements are under way at the most; the rest is gathered into the next', async () => {
  const { sent, ask } = statements()
  const first = ask('a')
  await expect.poll(() => sent.length).toBe(1)
  const second = ask('b')
  await expect.poll(() => sent.length).toBe(2)
  const rest = Promise.all(Array.from({ length: 64 }, (_, i) => ask(String(i))))
  sent[0]?.answer()
  await first
  await expect.poll(() => sent.length).toBe(3)
  expect(sent[2]?.questions.length).toBe(64)
  sent[1]?.answer()
  sent[2]?.answer()
  await second
  expect((await rest)[63]).toBe('63 at 0')
})

test('a statement takes 256 questions at the most', async () => {
  const { sent, ask } = statements()
  const all = Promise.all(Array.from({ length: 300 }, (_, i) => ask(String(i))))
  await expect.poll(() => sent.length).toBe(2)
  expect(sent.map(({ questions }) => questions.length)).toEqual([256, 44])
  for (const { answer } of sent) answer()
  expect((await all).length).toBe(300)
})

test('a statement that failed fails for who shared it, and the next is asked anew', async () => {
  const { sent, ask } = statements()
  const both = Promise.allSettled([ask('a'), ask('b')])
  await expect.poll(() => sent.length).toBe(1)
  sent[0]?.fail(new Error('gone'))
  expect((await both).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  const again = ask('a')
  await expect.poll(() => sent.length).toBe(2)
  sent[1]?.answer()
  expect(await again).toBe('a at 0')
})
