declare module 'vitest' {
  interface ProvidedContext {
    /** Whether programs of other makers are there, as they are for the tests named `clients` alone. */
    programs: boolean
  }
}

/**
 * Wants the programs of other makers to be there. Elsewhere than in the tests named `clients` a new machine may not
 * have them yet, where this one does.
 * @throws Error naming the program
 */
export async function wantProgram(name: string): Promise<void> {
  const { inject } = await import('vitest')
  if (inject('programs')) return
  throw new Error(
    `${name} is for tests named x.clients.test.ts, which run when the outside tools are installed`,
  )
}
