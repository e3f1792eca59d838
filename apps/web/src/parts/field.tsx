import { type ComponentProps, type ReactNode, useId } from 'react'

type Described = { label: string; hint?: ReactNode; wrong?: string | undefined }

function Field({ id, label, hint, wrong, children }: Described & { id: string; children: ReactNode }) {
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children}
      {hint !== undefined && (
        <span className="hint" id={`${id}-hint`}>
          {hint}
        </span>
      )}
      {wrong !== undefined && (
        <span className="wrong" id={`${id}-wrong`}>
          {wrong}
        </span>
      )}
    </div>
  )
}

const described = (id: string, { hint, wrong }: Described) => ({
  id,
  'aria-invalid': wrong !== undefined,
  'aria-describedby':
    [hint !== undefined && `${id}-hint`, wrong !== undefined && `${id}-wrong`].filter(Boolean).join(' ') ||
    undefined,
})

export function TextField({ label, hint, wrong, ...input }: Described & ComponentProps<'input'>) {
  const id = useId()
  return (
    <Field id={id} label={label} hint={hint} wrong={wrong}>
      <input className="input" {...input} {...described(id, { label, hint, wrong })} />
    </Field>
  )
}

export function TextArea({
  label,
  hint,
  wrong,
  code = false,
  ...input
}: Described & { code?: boolean } & ComponentProps<'textarea'>) {
  const id = useId()
  return (
    <Field id={id} label={label} hint={hint} wrong={wrong}>
      <textarea
        className={code ? 'input code' : 'input'}
        spellCheck={!code}
        {...input}
        {...described(id, { label, hint, wrong })}
      />
    </Field>
  )
}

export type Choice = { readonly value: string; readonly label: string }

export function SelectField({
  label,
  hint,
  wrong,
  choices,
  ...input
}: Described & { choices: readonly Choice[] } & ComponentProps<'select'>) {
  const id = useId()
  return (
    <Field id={id} label={label} hint={hint} wrong={wrong}>
      <select className="input" {...input} {...described(id, { label, hint, wrong })}>
        {choices.map(({ value, label }) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </select>
    </Field>
  )
}

export function Check({ label, ...input }: { label: string } & ComponentProps<'input'>) {
  return (
    <label className="check">
      <input type="checkbox" {...input} />
      <span>{label}</span>
    </label>
  )
}
