import type { ReactNode } from 'react'
import type { Guideline } from '@cdss/shared/api/types.ts'
import { SeverityBand } from '@cdss/shared/clinical/SeverityBand.tsx'
import { useShared } from '@cdss/shared/i18n/i18n.ts'
import { Empty, Failure, Loading } from '@cdss/shared/view/States.tsx'
import shapes from '../../guideline/table.module.css'
import { useText } from '../../text.ts'
import { useUsedBy } from './api.ts'
import type { RuleCitation, RuleRebinding } from './types.ts'

/** Which rules cite this version, and which of their citations find no passage in it. */
export function UsedBy({ guideline: g }: { guideline: Guideline }) {
  const t = useText()
  const used = useUsedBy(g.id)
  const all = used.data?.citations ?? []
  const lost = all.filter((c) => !c.found)
  return (
    <div className="stack">
      {used.isPending && <Loading lines={3} />}
      {used.isError && <Failure error={used.error} onRetry={() => void used.refetch()} />}
      {used.data && all.length === 0 && <Empty title={t('library.notUsed')} />}
      {lost.length > 0 && <SeverityBand indicator="warning" title={t('library.unbound', { count: lost.length })} />}
      {all.length > 0 && (
        <Table
          label={t('library.view.rules')}
          head={[t('library.rule'), t('library.place'), t('library.terms'), t('library.binding')]}
          rows={[...lost, ...all.filter((c) => c.found)].map((c) => [ruleOf(c), <Place key="p" citation={c} />, c.terms.join(', '), bound(c)])}
        />
      )}
    </div>
  )
  function bound(c: RuleCitation) {
    return c.found ? t('library.bound') : <strong>{t('library.notBound')}</strong>
  }
}

const ruleOf = (c: { title: string; rule: string }) => c.title || (c.rule.split('/').at(-1) ?? c.rule)

function Place({ citation: c }: { citation: { page: number | null; section: string } }) {
  const shared = useShared()
  return [c.page === null ? '' : shared('citation.page', { page: c.page }), c.section].filter(Boolean).join(' · ')
}

const order: RuleRebinding['state'][] = ['lost', 'unbound', 'moved', 'new', 'stands']

/** What becomes of the rules' citations from one version to the other; what is lost comes first. */
export function Rebindings({ list }: { list: RuleRebinding[] }) {
  const t = useText()
  if (list.length === 0) return null
  const sorted = [...list].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state))
  return (
    <section className="stack-tight">
      <h3>{t('library.rebinding')}</h3>
      <Table
        label={t('library.rebinding')}
        head={[t('library.rule'), t('library.place'), t('library.terms'), t('library.binding')]}
        rows={sorted.map((c) => [ruleOf(c), <Place key="p" citation={c} />, c.terms.join(', '), t(`library.states.${c.state}`)])}
      />
    </section>
  )
}

function Table({ label, head, rows }: { label: string; head: string[]; rows: ReactNode[][] }) {
  return (
    <div className="scroll-x" tabIndex={0} role="group" aria-label={label}>
      <table className={shapes.table}>
        <thead>
          <tr>
            {head.map((h) => (
              <th key={h} scope="col">
                {h}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((cells, r) => (
            <tr key={r}>
              {cells.map((cell, c) => (c === 0 ? <th key={c} scope="row">{cell}</th> : <td key={c}>{cell}</td>))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
