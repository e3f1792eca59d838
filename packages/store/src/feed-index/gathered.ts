/** Statements of one kind that may be under way at once: one that is slow does not hold up all that come after. */
const UNDER_WAY = 2
/** Questions in one statement. */
const MOST = 256

interface Waiting<Question, Answer> {
  readonly question: Question
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}

/**
 * Asks in one statement what is asked at the same time: what comes in one turn of the event loop, and what comes
 * while statements are under way. A statement begins after the last of its questions came, so that nobody gets an
 * answer older than their own statement would have given. When it fails, it fails for all of them.
 * @param ask answers in the order of the questions
 */
export function gathered<Question, Answer>(
  ask: (questions: readonly Question[]) => Promise<readonly Answer[]>,
): (question: Question) => Promise<Answer> {
  let waiting: Waiting<Question, Answer>[] = []
  let underWay = 0
  let scheduled = false

  function schedule(): void {
    if (scheduled || waiting.length === 0 || underWay === UNDER_WAY) return
    scheduled = true
    // After every socket that is readable now has been read.
    setImmediate(() => {
      scheduled = false
      void send(waiting.splice(0, MOST))
      schedule()
    })
  }

  async function send(asked: readonly Waiting<Question, Answer>[]): Promise<void> {
    underWay++
    try {
      const answers = await ask(asked.map(({ question }) => question))
      for (const [i, { resolve }] of asked.entries()) resolve(answers[i]!)
    } catch (error) {
      for (const { reject } of asked) reject(error)
    } finally {
      underWay--
      schedule()
    }
  }

  return (question) =>
    new Promise((resolve, reject) => {
      waiting.push({ question, resolve, reject })
      schedule()
    })
}
