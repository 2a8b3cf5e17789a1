import { useEffect, useRef, type ReactNode } from 'react'
import { useAppName } from '../i18n/i18n.ts'

let first = true

/**
 * One screen: its heading names the window and, after the first screen, takes
 * the keyboard as a page load would. A title never holds patient data. A sheet
 * has a heading of its own on paper.
 */
export function Page({ title, lead, children, sheet }: { title: string; lead?: string; children: ReactNode; sheet?: boolean }) {
  const app = useAppName()
  const heading = useRef<HTMLHeadingElement>(null)
  const name = `${title} – ${app}`
  useEffect(() => {
    document.title = name
  }, [name])
  useEffect(() => {
    if (first) {
      first = false
      return
    }
    heading.current?.focus({ preventScroll: true })
    window.scrollTo({ top: 0 })
  }, [])
  return (
    <div className="stack">
      <div className={sheet ? 'stack-tight no-print' : 'stack-tight'}>
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {lead && <p className="muted">{lead}</p>}
      </div>
      {children}
    </div>
  )
}
