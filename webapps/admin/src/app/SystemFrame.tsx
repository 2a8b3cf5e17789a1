import { Link, Outlet } from '@tanstack/react-router'
import { useMay } from '@cdss/shared/session/session.ts'
import { useText } from '../text.ts'
import { parts } from './parts.ts'
import classes from './SystemFrame.module.css'

/** The parts of the system, those the person may see. */
export function SystemFrame() {
  const t = useText()
  const may = useMay()
  const shown = parts.filter((part) => may(part.needs))
  return (
    <div className={shown.length > 1 ? classes.frame : undefined}>
      {shown.length > 1 && (
        <nav aria-label={t('system.nav.label')} className={classes.nav}>
          {shown.map((part) => (
            <Link key={part.to} to={part.to} activeOptions={{ exact: part.to === '/system' }} activeProps={{ 'aria-current': 'page' }}>
              {t(`system.nav.${part.name}`)}
            </Link>
          ))}
        </nav>
      )}
      <Outlet />
    </div>
  )
}
