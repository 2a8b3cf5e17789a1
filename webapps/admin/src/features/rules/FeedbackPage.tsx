import { Link } from '@tanstack/react-router'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { Page } from '@cdss/shared/view/Page.tsx'
import { Empty, Failure, Loading } from '@cdss/shared/view/States.tsx'
import shapes from '../../guideline/table.module.css'
import { useText } from '../../text.ts'
import { useRules, useUses } from './api.ts'
import { RulesNav } from './parts.tsx'
import { titleOf } from './rule.ts'
import { Rate } from './RulesPage.tsx'

/** What people did with what came of the rules: those to look at first, then by overrides. */
export function FeedbackPage() {
  const t = useText()
  const lang = useLang()
  const uses = useUses()
  const rules = useRules('PlanDefinition')
  const named = new Map((rules.data ?? []).map((r) => [r.url, r]))
  const list = [...(uses.data?.rules ?? [])].sort((a, b) => Number(b.look) - Number(a.look) || b.overridden - a.overridden || b.decisions - a.decisions)
  return (
    <Page title={t('rules.nav.feedback')} lead={t('rules.feedbackLead')}>
      <RulesNav />
      {uses.isPending && <Loading lines={4} />}
      {uses.isError && <Failure error={uses.error} onRetry={() => void uses.refetch()} />}
      {uses.data && list.length === 0 && <Empty title={t('rules.noFeedback')} />}
      {list.length > 0 && (
        <div className="scroll-x" tabIndex={0} role="group" aria-label={t('rules.nav.feedback')}>
          <table className={`${shapes.table} ${shapes.tight}`}>
            <thead>
              <tr>
                <th scope="col">{t('rules.name')}</th>
                <th scope="col" className={shapes.number}>
                  {t('rules.applications')}
                </th>
                <th scope="col" className={shapes.number}>
                  {t('rules.overrides')}
                </th>
                <th scope="col">{t('rules.reasons')}</th>
              </tr>
            </thead>
            <tbody>
              {list.map((u) => {
                const rule = named.get(u.url)
                return (
                  <tr key={u.url}>
                    <th scope="row">
                      {rule ? (
                        <Link to="/rules/$type/$id" params={{ type: rule.type, id: rule.id }}>
                          {titleOf(rule, lang)}
                        </Link>
                      ) : (
                        u.url
                      )}
                    </th>
                    <td className={shapes.number}>{u.decisions}</td>
                    <td className={shapes.number}>
                      <Rate use={u} lang={lang} />
                    </td>
                    <td className="small">{u.reasons.map((r) => `${r.display || r.code || t('rules.noReason')} (${r.count})`).join(', ') || '–'}</td>
                  </tr>
                )
              })}
            </tbody>
          </table>
        </div>
      )}
    </Page>
  )
}
