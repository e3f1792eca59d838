import type { Feed } from '@sluice/contract'
import { words } from '../format/words.ts'

export type Rule = Feed['retention']['rules'][number]

/** One rule as it is typed. */
export type RuleText = {
  readonly repositories: string
  readonly keepLast: string
  readonly keepDays: string
  readonly keepTags: string
}

export const EMPTY_RULE: RuleText = { repositories: '*', keepLast: '10', keepDays: '', keepTags: '' }

export const textOf = ({ repositories, keepLast, keepDays, keepTags }: Rule): RuleText => ({
  repositories: repositories.join(' '),
  keepLast: keepLast?.toString() ?? '',
  keepDays: keepDays?.toString() ?? '',
  keepTags: keepTags?.join(' ') ?? '',
})

/** What is typed as a rule; the service says what is wrong with it. */
export function ruleOf({ repositories, keepLast, keepDays, keepTags }: RuleText): Rule {
  const tags = words(keepTags)
  return {
    repositories: words(repositories),
    ...(keepLast !== '' && { keepLast: Number(keepLast) }),
    ...(keepDays !== '' && { keepDays: Number(keepDays) }),
    ...(tags.length > 0 && { keepTags: tags }),
  }
}

/** A rule in a sentence. */
export function inWords({ repositories, keepLast, keepDays, keepTags }: Rule): string {
  const kept = [
    keepLast !== undefined && (keepLast === 1 ? 'the last tag' : `the last ${keepLast} tags`),
    keepDays !== undefined && `what moved within ${keepDays} ${keepDays === 1 ? 'day' : 'days'}`,
    keepTags !== undefined && `tags named ${keepTags.join(', ')}`,
  ].filter((part) => part !== false)
  return `${repositories.join(', ') || 'No repository'}: keeps ${kept.join(', and ') || 'nothing yet'}`
}
