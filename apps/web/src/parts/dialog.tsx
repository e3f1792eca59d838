import { lazy, type ReactNode, Suspense, useState } from 'react'

/** Behind it is most of what is not needed to read a page. */
const Modal = lazy(async () => ({ default: (await import('./modal.tsx')).Modal }))

/** A question in front of the page; Escape and the surroundings close it. */
export function Dialog(of: { title: string; open: boolean; onClose: () => void; children: ReactNode }) {
  const [asked, setAsked] = useState(of.open)
  if (of.open && !asked) setAsked(true)
  if (!asked) return null
  return (
    <Suspense fallback={null}>
      <Modal {...of} />
    </Suspense>
  )
}
