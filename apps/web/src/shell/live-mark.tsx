import { type Live, useLive } from '../session/live.ts'

const WORDS: Record<Live, string> = { connecting: '', live: 'Live', reconnecting: 'Reconnecting …' }
const TITLES: Record<Live, string> = {
  connecting: '',
  live: 'What changes elsewhere appears here by itself',
  reconnecting: 'The stream of changes is interrupted; lists are asked every five seconds until it is back',
}

/** Whether what is on the screen follows by itself. */
export function LiveMark() {
  const live = useLive()
  return (
    <p className="live" role="status" aria-label="Updates" data-live={live} title={TITLES[live]}>
      {WORDS[live]}
    </p>
  )
}
