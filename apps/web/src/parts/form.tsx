import { type QueryKey, useMutation, useQueryClient } from '@tanstack/react-query'
import type { FormEvent, ReactNode } from 'react'
import { fieldErrorsOf } from '../session/client.ts'
import { Refused } from './states.tsx'

/** A call that a person makes by a button: it runs once at a time, and what it changed is asked for again. */
export type Action<T> = {
  readonly run: () => void
  readonly pending: boolean
  readonly error: unknown
  readonly answer: T | undefined
  readonly reset: () => void
  /** What the service says about a field, or about something in it. */
  readonly wrong: (field: string) => string | undefined
}

/** `refresh`: first parts of the query keys that the call makes old. */
export function useAction<T>(
  call: () => Promise<T>,
  {
    refresh = [],
    done,
  }: { refresh?: readonly QueryKey[number][]; done?: (answer: T) => void | Promise<void> } = {},
): Action<T> {
  const queries = useQueryClient()
  const mutation = useMutation({
    mutationFn: call,
    onSuccess: async (answer) => {
      await Promise.all(refresh.map((key) => queries.invalidateQueries({ queryKey: [key] })))
      await done?.(answer)
    },
  })
  const errors = [...fieldErrorsOf(mutation.error)]
  return {
    run: () => mutation.mutate(),
    pending: mutation.isPending,
    error: mutation.error,
    answer: mutation.data,
    reset: mutation.reset,
    wrong: (field) =>
      errors.find(
        ([path]) => path === field || path.startsWith(`${field}[`) || path.startsWith(`${field}.`),
      )?.[1],
  }
}

/** Fields, what the service refused, and a foot with the way back and the button that does it. */
export function Form({
  action,
  does,
  tone = 'primary',
  ready = true,
  onClose,
  beside,
  refused,
  children,
}: {
  action: Action<unknown>
  /** The words of the button that does it. */
  does: string
  tone?: 'primary' | 'danger'
  /** False while something that the form needs is missing. */
  ready?: boolean
  /** Absent where the form is part of a page: then there is nothing to go back to. */
  onClose?: () => void
  /** Further buttons of the foot. */
  beside?: ReactNode
  /** The error of a further button, when there is one. */
  refused?: unknown
  children: ReactNode
}) {
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (ready && !action.pending) action.run()
  }
  return (
    <form className="stack" autoComplete="off" onSubmit={submit}>
      {children}
      <Refused error={action.error ?? refused} />
      <footer className={onClose === undefined ? 'row' : undefined}>
        {onClose !== undefined && (
          <button type="button" className="button" onClick={onClose}>
            Back
          </button>
        )}
        {beside}
        <button type="submit" className={`button ${tone}`} disabled={!ready || action.pending}>
          {does}
        </button>
      </footer>
    </form>
  )
}
