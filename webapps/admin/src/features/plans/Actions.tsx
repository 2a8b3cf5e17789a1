import type { PlanAction, PlanSource } from '@cdss/shared/api/types.ts'
import { DoseLine } from '@cdss/shared/clinical/DoseLine.tsx'
import { shortSource } from '@cdss/shared/clinical/source.ts'
import { useLang, useShared } from '@cdss/shared/i18n/i18n.ts'
import { useText } from '../../text.ts'
import classes from './PlanPage.module.css'

type Props = { actions: PlanAction[]; show: (source: PlanSource) => void; level: number }

/** The tree of actions as nested lists: when it applies, what follows, on what it rests. */
export function Actions({ actions, show, level }: Props) {
  return (
    <ul className={classes.actions}>
      {actions.map((action, i) => (
        <li key={action.id || i}>
          <Action action={action} show={show} level={level} />
        </li>
      ))}
    </ul>
  )
}

function Action({ action, show, level }: { action: PlanAction; show: (source: PlanSource) => void; level: number }) {
  const t = useText()
  const shared = useShared()
  const lang = useLang()
  const Heading = level === 2 ? 'h2' : level === 3 ? 'h3' : 'h4'
  const leaf = action.actions.length === 0
  return (
    <div className={classes.action}>
      {action.title && <Heading className={level > 3 ? classes.title : undefined}>{action.title}</Heading>}
      {action.description && <p className="small">{action.description}</p>}
      {action.conditions.length > 0 && (
        <div>
          <p className="small muted">{t('plans.conditions')}</p>
          <ul className={classes.conditions}>
            {action.conditions.map((condition, i) => (
              <li key={i}>
                <code>{condition.expression}</code>
              </li>
            ))}
          </ul>
        </div>
      )}
      {action.regimen && (
        <div className={classes.regimen}>
          <DoseLine ingredient={action.regimen} />
        </div>
      )}
      {action.citations.length > 0 && (
        <p className="row">
          {action.citations.map((citation, i) => (
            <button key={i} type="button" className="link small" onClick={() => show(citation)}>
              <span className="visually-hidden">{shared('citation.show')} </span>
              {shortSource({ title: '', ...citation }, lang)}
              {citation.section && citation.page !== null && ` · ${citation.section}`}
            </button>
          ))}
        </p>
      )}
      {leaf && action.regimen && action.citations.length === 0 && (
        <p className="small">
          <strong>{t('plans.noSource')}</strong>
        </p>
      )}
      {!leaf && <Actions actions={action.actions} show={show} level={level + 1} />}
    </div>
  )
}
