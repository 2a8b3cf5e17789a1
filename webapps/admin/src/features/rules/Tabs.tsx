import { useId, useRef, type KeyboardEvent, type ReactNode } from 'react'
import classes from './rules.module.css'

type Props<Name extends string> = { label: string; tabs: { name: Name; title: string }[]; open: Name; onOpen: (name: Name) => void; children: ReactNode }

/** Tabs of one screen; arrows go from one to the next. */
export function Tabs<Name extends string>({ label, tabs, open, onOpen, children }: Props<Name>) {
  const id = useId()
  const list = useRef<HTMLDivElement>(null)
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
    if (step === 0) return
    const at = (tabs.findIndex((tab) => tab.name === open) + step + tabs.length) % tabs.length
    const next = tabs[at]
    if (!next) return
    event.preventDefault()
    onOpen(next.name)
    ;(list.current?.children[at] as HTMLElement | undefined)?.focus()
  }
  return (
    <div className="stack">
      <div role="tablist" aria-label={label} className={classes.tabs} ref={list} onKeyDown={onKeyDown}>
        {tabs.map((tab) => (
          <button
            key={tab.name}
            type="button"
            role="tab"
            id={`${id}-${tab.name}`}
            aria-selected={tab.name === open}
            aria-controls={`${id}-panel`}
            tabIndex={tab.name === open ? 0 : -1}
            onClick={() => onOpen(tab.name)}
          >
            {tab.title}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${open}`} className="stack">
        {children}
      </div>
    </div>
  )
}
