import { useNavigate } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { Dialog } from '@cdss/shared/view/Dialog.tsx'
import { useText } from '../../text.ts'
import { handle, list } from './keys.ts'
import classes from './Keys.module.css'

/** Single-key shortcuts, their help, and the switch that turns them off (WCAG 2.1.4). The switch holds for this page. */
export function Keys() {
  const t = useText()
  const navigate = useNavigate()
  const [on, setOn] = useState(true)
  const [open, setOpen] = useState(false)
  useEffect(() => {
    if (!on) return
    const search = async () => {
      const field = () => document.querySelector<HTMLElement>('[data-search]')
      if (!field()) await navigate({ to: '/guidelines' })
      // A screen that is loaded on demand takes a moment.
      for (let i = 0; i < 40 && !field(); i++) await new Promise((resolve) => setTimeout(resolve, 50))
      field()?.focus()
    }
    const listen = (event: KeyboardEvent) => {
      if (handle(event, { help: () => setOpen(true), search: () => void search() })) event.preventDefault()
    }
    window.addEventListener('keydown', listen)
    return () => window.removeEventListener('keydown', listen)
  }, [on, navigate])
  return (
    <div className="no-print">
      <button type="button" className="link small" onClick={() => setOpen(true)}>
        {t('keys.title')}
      </button>
      <Dialog open={open} title={t('keys.title')} onClose={() => setOpen(false)}>
        <dl className={classes.keys}>
          {list.map(([key, what]) => (
            <div key={key}>
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{t(`keys.${what}`)}</dd>
            </div>
          ))}
        </dl>
        <label>
          <input type="checkbox" checked={on} onChange={(e) => setOn(e.currentTarget.checked)} /> {t('keys.on')}
        </label>
      </Dialog>
    </div>
  )
}
