import { IconChevronDown, IconUserCircle } from '@tabler/icons-react'
import { useEffect, useId, useRef, useState, type ReactNode } from 'react'
import { LanguageSwitch } from '../i18n/LanguageSwitch.tsx'
import { useShared } from '../i18n/i18n.ts'
import { ThemeSwitch } from '../theme/ThemeSwitch.tsx'
import { Dialog } from '../view/Dialog.tsx'
import { Failure } from '../view/States.tsx'
import { ChangePassphraseDialog } from './ChangePassphrase.tsx'
import { People } from './LoginWays.tsx'
import { useRoleNames } from './roles.ts'
import { useLogout } from './session.ts'
import { openPerson, type Person, type Session } from './types.ts'
import classes from './UserMenu.module.css'

/** Who is here, with what belongs to the person: language, colours, the other app, passphrase, the way out. */
export function UserMenu({ session, person, links }: { session: Session; person: Person; links?: ReactNode }) {
  const t = useShared()
  const names = useRoleNames()
  const id = useId()
  const [open, setOpen] = useState(false)
  const [dialog, setDialog] = useState<'passphrase' | 'choose' | null>(null)
  const root = useRef<HTMLDivElement>(null)
  const button = useRef<HTMLButtonElement>(null)
  const logout = useLogout()
  useEffect(() => {
    if (!open) return
    const outside = (event: PointerEvent) => {
      if (!root.current?.contains(event.target as Node)) setOpen(false)
    }
    const escape = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return
      setOpen(false)
      button.current?.focus()
    }
    document.addEventListener('pointerdown', outside)
    document.addEventListener('keydown', escape)
    return () => {
      document.removeEventListener('pointerdown', outside)
      document.removeEventListener('keydown', escape)
    }
  }, [open])
  const nobody = person.id === openPerson
  const choice = session.ways.find((way) => way.kind === 'choose')?.people
  const local = session.ways.some((way) => way.kind === 'passphrase') && !nobody && !choice?.some((p) => p.id === person.id)
  const name = nobody ? t('session.open') : person.name
  const ask = (which: 'passphrase' | 'choose') => {
    setOpen(false)
    button.current?.focus()
    setDialog(which)
  }
  return (
    <div
      ref={root}
      className={classes.root}
      onBlur={(event) => {
        if (event.relatedTarget && !root.current?.contains(event.relatedTarget)) setOpen(false)
      }}
    >
      <button
        ref={button}
        type="button"
        className={classes.button}
        aria-expanded={open}
        aria-controls={id}
        onClick={() => setOpen(!open)}
      >
        <IconUserCircle size={20} aria-hidden="true" />
        <span className="visually-hidden">{t('session.menu')}: </span>
        <span className={classes.name}>{name}</span>
        <IconChevronDown size={16} aria-hidden="true" />
      </button>
      <div id={id} className={classes.panel} hidden={!open}>
        <div>
          <p className={classes.who}>{name}</p>
          <p className="small muted">{nobody ? t('session.openHint') : names(person.roles)}</p>
        </div>
        <div className={`${classes.line} stack-tight`}>
          <div className={classes.setting}>
            <span className="small">{t('language')}</span>
            <LanguageSwitch />
          </div>
          <div className={classes.setting}>
            <span className="small">{t('theme.label')}</span>
            <ThemeSwitch />
          </div>
        </div>
        <div className={`${classes.line} ${classes.actions}`}>
          {links}
          {choice && (
            <button type="button" className="link" onClick={() => ask('choose')}>
              {t('session.choose')}
            </button>
          )}
          {local && (
            <button type="button" className="link" onClick={() => ask('passphrase')}>
              {t('session.change')}
            </button>
          )}
          {!nobody && (
            <button type="button" className="link" disabled={logout.isPending} onClick={() => logout.mutate()}>
              {t(session.mode === 'open' ? 'session.backToOpen' : 'session.logout')}
            </button>
          )}
          {logout.isError && <Failure error={logout.error} />}
        </div>
      </div>
      <ChangePassphraseDialog open={dialog === 'passphrase'} onClose={() => setDialog(null)} />
      <Dialog open={dialog === 'choose'} title={t('session.choose')} onClose={() => setDialog(null)} wide>
        {choice && <People people={choice} current={person.id} />}
      </Dialog>
    </div>
  )
}
