import { TextInput } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { PlanSource, PlanSummary } from '@cdss/shared/api/types.ts'
import { shortSource } from '@cdss/shared/clinical/source.ts'
import { formatNumber } from '@cdss/shared/format/number.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { Page } from '@cdss/shared/view/Page.tsx'
import { Empty, Failure, Loading } from '@cdss/shared/view/States.tsx'
import shapes from '../../guideline/table.module.css'
import { useText, type TextKey } from '../../text.ts'
import { usePlans } from './api.ts'

const kinds = new Set(['regimens', 'safety'])

export function PlansPage() {
  const t = useText()
  const plans = usePlans()
  const [filter, setFilter] = useState('')
  const all = plans.data?.planDefinitions ?? []
  const needle = filter.trim().toLowerCase()
  const shown = all.filter((p) => [p.title, p.name, p.description, p.kind].join(' ').toLowerCase().includes(needle))
  return (
    <Page title={t('plans.title')} lead={t('plans.lead')}>
      {plans.isPending && <Loading lines={3} />}
      {plans.isError && <Failure error={plans.error} onRetry={() => void plans.refetch()} />}
      {plans.data && all.length === 0 && <Empty title={t('plans.empty')} />}
      {all.length > 5 && (
        <TextInput label={t('plans.filter')} value={filter} onChange={(event) => setFilter(event.currentTarget.value)} maw={320} />
      )}
      {all.length > 0 && shown.length === 0 && <p className="muted">{t('plans.filterNone')}</p>}
      {shown.length > 0 && <Table plans={shown} />}
    </Page>
  )
}

function Table({ plans }: { plans: PlanSummary[] }) {
  const t = useText()
  const lang = useLang()
  return (
    <div className="scroll-x" tabIndex={0} role="group" aria-label={t('plans.title')}>
      <table className={shapes.table}>
        <thead>
          <tr>
            <th scope="col">{t('plans.name')}</th>
            <th scope="col">{t('plans.version')}</th>
            <th scope="col">{t('plans.status')}</th>
            <th scope="col">{t('plans.kind')}</th>
            <th scope="col" className={shapes.number}>
              {t('plans.actions')}
            </th>
            <th scope="col">{t('plans.sources')}</th>
          </tr>
        </thead>
        <tbody>
          {plans.map((p) => (
            <tr key={p.id}>
              <th scope="row">
                <Link to="/plans/$id" params={{ id: p.id }}>
                  {p.title || p.name}
                </Link>
                {p.description && <div className="small muted">{p.description}</div>}
              </th>
              <td className="nowrap">{p.version}</td>
              <td>
                {p.status}
                {p.experimental && <div className="small">{t('plans.experimental')}</div>}
              </td>
              <td>{kinds.has(p.kind) ? t(`plans.kinds.${p.kind}` as TextKey) : p.kind}</td>
              <td className={shapes.number}>{formatNumber(p.actions, lang)}</td>
              <td className="small">
                <Sources sources={p.sources} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** The first places, each once, and how many more there are. */
function Sources({ sources }: { sources: PlanSource[] }) {
  const t = useText()
  const lang = useLang()
  const places = [...new Set(sources.map((s) => shortSource({ title: '', ...s }, lang)))]
  return `${places.slice(0, 3).join('; ')}${places.length > 3 ? ` ${t('plans.sourcesMore', { count: places.length - 3 })}` : ''}`
}
