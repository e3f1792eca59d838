import { Command } from 'commander'

/** A command whose help, and whose answer to bad usage, ends with an example. */
export function define(name: string, description: string, example: string): Command {
  const shown = `\nExample:\n  ${example}`
  return new Command(name).description(description).addHelpText('after', shown).showHelpAfterError(shown)
}

/** For an option that may be given several times. */
export function several(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}
