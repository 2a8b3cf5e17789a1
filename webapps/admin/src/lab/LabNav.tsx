import { Link } from '@tanstack/react-router'
import { useMay } from '@cdss/shared/session/session.ts'
import { useText } from '../text.ts'
import classes from './LabNav.module.css'

/** The parts of the retrieval lab. */
export function LabNav() {
  const t = useText()
  const may = useMay()
  const current = { 'aria-current': 'page' as const }
  return (
    <nav aria-label={t('lab.nav')} className={classes.nav}>
      <Link to="/search" activeProps={current}>
        {t('lab.search')}
      </Link>
      <Link to="/answers" activeProps={current}>
        {t('lab.answers')}
      </Link>
      {may('measurements:read') && (
        <Link to="/query-sets" activeProps={current}>
          {t('lab.sets')}
        </Link>
      )}
    </nav>
  )
}
