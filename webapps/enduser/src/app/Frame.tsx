import { Link, Outlet } from '@tanstack/react-router'
import { LanguageSwitch } from '@cdss/shared/i18n/LanguageSwitch.tsx'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { formatDate } from '@cdss/shared/format/date.ts'
import { ThemeSwitch } from '@cdss/shared/theme/ThemeSwitch.tsx'
import { Boundary } from '@cdss/shared/view/Boundary.tsx'
import { SkipLink } from '@cdss/shared/view/SkipLink.tsx'
import { UpdateNotice } from '@cdss/shared/view/UpdateNotice.tsx'
import { useStatus } from '../case/status.ts'
import { useText } from '../text.ts'
import classes from './Frame.module.css'

export function Frame() {
  const t = useText()
  const lang = useLang()
  const status = useStatus().data
  return (
    <div className={classes.frame}>
      <SkipLink />
      <header className={`${classes.header} no-print`}>
        <div className={classes.inner}>
          <Link to="/" className={classes.brand}>
            {t('product')}
          </Link>
          <nav aria-label={t('nav.label')} className={classes.nav}>
            <Link to="/" activeOptions={{ exact: true }} activeProps={{ 'aria-current': 'page' }}>
              {t('nav.start')}
            </Link>
            <Link to="/about" activeProps={{ 'aria-current': 'page' }}>
              {t('nav.about')}
            </Link>
          </nav>
          <div className={classes.tools}>
            <LanguageSwitch />
            <ThemeSwitch />
          </div>
        </div>
      </header>
      <main id="content" tabIndex={-1} className={classes.main}>
        <UpdateNotice />
        <Boundary>
          <Outlet />
        </Boundary>
      </main>
      <footer className={`${classes.footer} no-print`}>
        <div className={classes.inner}>
          <p className="small">{t('purpose')}</p>
          {status && (
            <p className="small muted">
              {t('version', { version: status.version })}
              {status.knowledge.loadedAt && ` · ${t('knowledgeFrom', { date: formatDate(status.knowledge.loadedAt, lang) })}`}
            </p>
          )}
        </div>
      </footer>
    </div>
  )
}
