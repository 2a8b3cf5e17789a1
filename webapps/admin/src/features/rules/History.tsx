import { Link } from '@tanstack/react-router'
import { formatDate } from '@cdss/shared/format/date.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { ApiError } from '@cdss/shared/api/error.ts'
import { Failure, Loading } from '@cdss/shared/view/States.tsx'
import shapes from '../../guideline/table.module.css'
import { useText, type TextKey } from '../../text.ts'
import { useDifference, useHistory } from './api.ts'
import classes from './rules.module.css'
import type { Change } from './types.ts'

const steps = new Set(['draft', 'clone', 'import', 'edit', 'submit', 'reject', 'approve', 'release', 'retire', 'delete'])

/** Each step in the life of a rule, of all its versions. */
export function History({ type, id }: { type: string; id: string }) {
  const t = useText()
  const lang = useLang()
  const history = useHistory(type, id)
  if (history.isPending) return <Loading lines={3} />
  if (history.isError) return <Failure error={history.error} onRetry={() => void history.refetch()} />
  if (history.data.length === 0) return <p className="muted">{t('rules.noHistory')}</p>
  return (
    <div className="scroll-x" tabIndex={0} role="group" aria-label={t('rules.tabs.history')}>
      <table className={`${shapes.table} ${shapes.tight}`}>
        <thead>
          <tr>
            <th scope="col">{t('rules.step')}</th>
            <th scope="col">{t('rules.version')}</th>
            <th scope="col">{t('rules.who')}</th>
            <th scope="col">{t('rules.when')}</th>
            <th scope="col">{t('rules.note')}</th>
          </tr>
        </thead>
        <tbody>
          {history.data.map((s, i) => (
            <tr key={i}>
              <th scope="row">{steps.has(s.step) ? t(`rules.stepDone.${s.step}` as TextKey) : s.step}</th>
              <td>
                <Link to="/rules/$type/$id" params={{ type: s.type, id: s.id }}>
                  {s.version}
                </Link>
              </td>
              <td>{s.name || s.person}</td>
              <td className="nowrap num">{formatDate(s.at, lang)}</td>
              <td className="small">{s.note}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

export function DifferenceTab({ type, id }: { type: string; id: string }) {
  const t = useText()
  const difference = useDifference(type, id, true)
  if (difference.isPending) return <Loading lines={3} />
  if (difference.isError) {
    if (difference.error instanceof ApiError && (difference.error.fault === 'input' || difference.error.fault === 'not-found')) return <p className="muted">{t('rules.nothingBefore')}</p>
    return <Failure error={difference.error} onRetry={() => void difference.refetch()} />
  }
  const { from, to, changes } = difference.data
  if (changes.length === 0) return <p>{t('rules.same', { from: from.version, to: to.version })}</p>
  return <Changes changes={changes} before={from.version} after={to.version} />
}

const show = (value: unknown) => (value === undefined || value === null ? '–' : typeof value === 'string' ? value : JSON.stringify(value, null, 1))

export function Changes({ changes, before, after }: { changes: Change[]; before: string; after: string }) {
  const t = useText()
  return (
    <div className="scroll-x" tabIndex={0} role="group" aria-label={t('rules.tabs.difference')}>
      <table className={shapes.table}>
        <thead>
          <tr>
            <th scope="col">{t('rules.place')}</th>
            <th scope="col">{before}</th>
            <th scope="col">{after}</th>
          </tr>
        </thead>
        <tbody>
          {changes.map((c, i) => (
            <tr key={i}>
              <th scope="row" className={`code ${classes.wrap}`}>
                {c.path}
              </th>
              <td className={`small ${classes.wrap} ${classes.cell}`}>{show(c.before)}</td>
              <td className={`small ${classes.wrap} ${classes.cell}`}>{show(c.after)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
