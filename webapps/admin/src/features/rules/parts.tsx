import { Link } from '@tanstack/react-router'
import { useMay } from '@cdss/shared/session/session.ts'
import { State } from '../../system/State.tsx'
import { useText } from '../../text.ts'
import classes from './rules.module.css'
import type { Rule } from './rule.ts'

const icons = { draft: 'wait', submitted: 'wait', approved: 'wait', released: 'good', retired: 'off', shipped: 'good' } as const

/** State of a rule in words; one that should run and does not says so. */
export function RuleState({ rule }: { rule: Rule }) {
  const t = useText()
  const should = rule.state === 'released' || rule.state === 'shipped'
  if (should && !rule.running) return <State is="off">{`${t(`rules.states.${rule.state}`)} – ${t('rules.notRunning')}`}</State>
  return <State is={icons[rule.state]}>{t(`rules.states.${rule.state}`)}</State>
}

/** The screens around rules. */
export function RulesNav() {
  const t = useText()
  const may = useMay()
  const current = { 'aria-current': 'page' as const }
  return (
    <nav aria-label={t('rules.nav.label')} className={classes.nav}>
      <Link to="/rules" activeOptions={{ exact: true }} activeProps={current}>
        {t('rules.nav.rules')}
      </Link>
      <Link to="/table" activeProps={current}>
        {t('rules.nav.table')}
      </Link>
      <Link to="/formulary" activeProps={current}>
        {t('rules.nav.formulary')}
      </Link>
      {may('decisions:read') && (
        <>
          <Link to="/feedback" activeProps={current}>
            {t('rules.nav.feedback')}
          </Link>
          <Link to="/decisions" activeProps={current}>
            {t('rules.nav.decisions')}
          </Link>
        </>
      )}
    </nav>
  )
}
