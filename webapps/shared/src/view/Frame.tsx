import type { ReactNode } from 'react'
import { useStatus } from '../api/status.ts'
import { formatDate } from '../format/date.ts'
import { LanguageSwitch } from '../i18n/LanguageSwitch.tsx'
import { useLang, useShared } from '../i18n/i18n.ts'
import { Gate } from '../session/Gate.tsx'
import { useOfflineSince, useSession } from '../session/session.ts'
import { UserMenu } from '../session/UserMenu.tsx'
import { ThemeSwitch } from '../theme/ThemeSwitch.tsx'
import { Boundary } from './Boundary.tsx'
import classes from './Frame.module.css'
import { SkipLink } from './SkipLink.tsx'
import { UpdateNotice } from './UpdateNotice.tsx'

type Props = {
  brand: ReactNode
  nav: ReactNode
  navLabel: string
  purpose: string
  /** Ways out of this app, for the user menu. */
  links?: ReactNode
  children: ReactNode
}

/**
 * Header, content and footer of both apps; version and state stand on every screen.
 * Nothing but the login is shown to nobody.
 */
export function Frame({ brand, nav, navLabel, purpose, links, children }: Props) {
  const t = useShared()
  const lang = useLang()
  const session = useSession().data
  const person = session?.mustChange ? null : session?.person
  const offline = useOfflineSince() !== undefined
  const inside = person != null
  const status = useStatus(inside && !offline).data
  return (
    <div className={classes.frame}>
      <SkipLink />
      <header className={`${classes.header} no-print`}>
        <div className={classes.inner}>
          <span className={classes.brand}>{brand}</span>
          {inside && (
            <nav aria-label={navLabel} className={classes.nav}>
              {nav}
            </nav>
          )}
          <div className={classes.tools}>
            {session && person && !offline ? (
              <UserMenu session={session} person={person} links={links} />
            ) : (
              <>
                <LanguageSwitch />
                <ThemeSwitch />
              </>
            )}
          </div>
        </div>
      </header>
      <main id="content" tabIndex={-1} className={classes.main}>
        <UpdateNotice />
        <Boundary>
          <Gate>{children}</Gate>
        </Boundary>
      </main>
      <footer className={`${classes.footer} no-print`}>
        <div className={classes.inner}>
          <p className="small">{purpose}</p>
          {status && (
            <p className="small muted">
              {t('frame.version', { version: status.version })}
              {status.knowledge.loadedAt && ` · ${t('frame.knowledge', { date: formatDate(status.knowledge.loadedAt, lang) })}`}
            </p>
          )}
        </div>
      </footer>
    </div>
  )
}
