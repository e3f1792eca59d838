import { beyondForm, readForm } from './policy-form.ts'

/** What a lane asks for, one phrase a rule. */
export function inWords(policy: Readonly<Record<string, unknown>>): string[] {
  const { quorum, pusherExcluded, tagPatterns, soakMinutes, expiresAfterHours } = readForm(policy)
  const approvals = quorum.map(({ count, group }) => {
    const who = group === '' ? '' : ` from ${group}`
    return `${count} ${count === 1 ? 'approval' : 'approvals'}${who}`
  })
  return [
    approvals.join(' and '),
    pusherExcluded ? 'not by the requester or a pusher' : 'not by the requester',
    ...(tagPatterns.length > 0 ? [`tags ${tagPatterns.join(', ')}`] : []),
    ...(soakMinutes > 0 ? [`${duration(soakMinutes)} in the from feed`] : []),
    ...beyondForm(policy),
    `open for ${duration(expiresAfterHours * 60)}`,
  ]
}

function duration(minutes: number): string {
  const [size, unit] =
    minutes % 1440 === 0
      ? [minutes / 1440, 'day']
      : minutes % 60 === 0
        ? [minutes / 60, 'hour']
        : [minutes, 'minute']
  return `${size} ${unit}${size === 1 ? '' : 's'}`
}
