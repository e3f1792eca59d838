import { expect, test } from 'vitest'
import { until } from './index.ts'

test('answers the first value that is there, over refusals and errors', async () => {
  const answers = [undefined, null, false, new Error('not yet'), 0]
  const seen = await until(
    () => {
      const answer = answers.shift()
      if (answer instanceof Error) throw answer
      return answer
    },
    { what: 'a value' },
  )
  expect(seen).toBe(0)
})

test('names what it waited for, and the last error', async () => {
  const probe = () => Promise.reject(new Error('refused'))
  await expect(until(probe, { timeoutMs: 20, what: 'the api' })).rejects.toMatchObject({
    message: expect.stringContaining('the api'),
    cause: { message: 'refused' },
  })
})
