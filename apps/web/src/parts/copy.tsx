import { Link } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { shortDigest } from '../format/digest.ts'
import { Icon } from './icon.tsx'

export function Copy({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false)
  useEffect(() => {
    if (!copied) return undefined
    const timer = setTimeout(() => setCopied(false), 1_800)
    return () => clearTimeout(timer)
  }, [copied])
  return (
    <>
      <button
        type="button"
        className="copy"
        aria-label={`Copy ${label}`}
        title={copied ? 'Copied' : `Copy ${label}`}
        onClick={() => {
          void copy(text).then(setCopied)
        }}
      >
        <Icon name={copied ? 'done' : 'copy'} />
      </button>
      <span role="status" className="unseen">
        {copied ? `${label} copied` : ''}
      </span>
    </>
  )
}

/** Without TLS a browser has no clipboard API: then the older command does it. */
async function copy(text: string): Promise<boolean> {
  if (navigator.clipboard !== undefined) {
    try {
      await navigator.clipboard.writeText(text)
      return true
    } catch {
      // Not allowed: the older way may be.
    }
  }
  const area = document.createElement('textarea')
  area.value = text
  area.className = 'unseen'
  document.body.append(area)
  area.select()
  const done = document.execCommand('copy')
  area.remove()
  return done
}

/** A digest in mono with its copy button; `whole` where a decision hangs on it. */
export function Digest({ digest, whole = false, link }: { digest: string; whole?: boolean; link?: boolean }) {
  const shown = <code title={digest}>{whole ? digest : shortDigest(digest)}</code>
  return (
    <span className="digest">
      {link === true ? (
        <Link to="/digests/$digest" params={{ digest }}>
          {shown}
        </Link>
      ) : (
        shown
      )}
      <Copy text={digest} label="digest" />
    </span>
  )
}

export function Command({ text }: { text: string }) {
  return (
    <div className="command">
      <code>{text}</code>
      <Copy text={text} label="command" />
    </div>
  )
}
