import { Command } from '../parts/copy.tsx'

/** A secret that is nowhere else and will not be shown again. */
export function Once({ what, secret, onClose }: { what: string; secret: string; onClose: () => void }) {
  return (
    <>
      <p>
        {what} It is shown <strong>this once</strong>: copy it now.
      </p>
      <Command text={secret} />
      <footer>
        <button type="button" className="button primary" onClick={onClose}>
          I have it
        </button>
      </footer>
    </>
  )
}
