import { Link } from '@tanstack/react-router'
import { formatDate } from '@cdss/shared/format/date.ts'
import { formatNumber } from '@cdss/shared/format/number.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { Page } from '@cdss/shared/view/Page.tsx'
import { Empty, Failure, Loading } from '@cdss/shared/view/States.tsx'
import shapes from '../../guideline/table.module.css'
import { useText } from '../../text.ts'
import { useSets } from '../../lab/api.ts'
import { LabNav } from '../../lab/LabNav.tsx'

export function SetsPage() {
  const t = useText()
  const lang = useLang()
  const sets = useSets()
  return (
    <Page title={t('lab.setsTitle')} lead={t('lab.setsLead')}>
      <LabNav />
      {sets.isPending && <Loading lines={2} />}
      {sets.isError && <Failure error={sets.error} onRetry={() => void sets.refetch()} />}
      {sets.data?.sets.length === 0 && (
        <Empty title={t('lab.noSets')}>
          <Link to="/search">{t('lab.noSetsHint')}</Link>
        </Empty>
      )}
      {sets.data && sets.data.sets.length > 0 && (
        <div className="scroll-x" tabIndex={0} role="group" aria-label={t('lab.setsTitle')}>
          <table className={`${shapes.table} ${shapes.tight}`}>
            <thead>
              <tr>
                <th scope="col">{t('lab.setName')}</th>
                <th scope="col" className={shapes.number}>
                  {t('lab.queries')}
                </th>
                <th scope="col">{t('lab.lastRun')}</th>
                <th scope="col" className={shapes.number}>
                  {t('lab.ndcg')}
                </th>
              </tr>
            </thead>
            <tbody>
              {sets.data.sets.map((s) => (
                <tr key={s.id}>
                  <th scope="row">
                    <Link to="/query-sets/$id" params={{ id: s.id }}>
                      {s.name}
                    </Link>
                  </th>
                  <td className={shapes.number}>{formatNumber(s.queries, lang)}</td>
                  <td>{s.lastRun ? formatDate(s.lastRun.ranAt, lang) : t('lab.never')}</td>
                  <td className={shapes.number}>{s.lastRun?.groups.all ? formatNumber(s.lastRun.groups.all.ndcg, lang, 3) : ''}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Page>
  )
}
