import { NativeSelect } from '@mantine/core'
import { useState } from 'react'
import { SeverityBand } from '@cdss/shared/clinical/SeverityBand.tsx'
import { formatDate } from '@cdss/shared/format/date.ts'
import { formatNumber } from '@cdss/shared/format/number.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { Failure, Loading } from '@cdss/shared/view/States.tsx'
import shapes from '../../guideline/table.module.css'
import { useText } from '../../text.ts'
import { useComparison, useRuns } from '../../lab/api.ts'
import type { Measures, QueryRun, QuerySet } from '../../lab/types.ts'

const measures: { key: keyof Measures; label: string }[] = [
  { key: 'ndcg', label: 'nDCG@10' },
  { key: 'recall10', label: 'Recall@10' },
  { key: 'recall8k', label: 'Recall 8k' },
  { key: 'mrr', label: 'MRR' },
  { key: 'pchar5', label: 'pchar@5' },
]

/** The runs of a set, newest first: figures by group of queries, and the comparison of two. */
export function Runs({ set }: { set: QuerySet }) {
  const t = useText()
  const lang = useLang()
  const runs = useRuns(set.id)
  const all = runs.data?.runs ?? []
  const [group, setGroup] = useState('all')
  const groups = [...new Set(all.flatMap((r) => Object.keys(r.groups)))].sort()
  const nameOf = (g: string) => {
    if (g === 'all') return t('lab.groupAll')
    if (g === 'lang:de') return t('guidelines.german')
    if (g === 'lang:en') return t('guidelines.english')
    return g.startsWith('kind:') ? t('lab.groupKind', { kind: g.slice(5) }) : g
  }
  return (
    <section className="stack" aria-labelledby="runs">
      <h2 id="runs">{t('lab.runs')}</h2>
      {runs.isPending && <Loading lines={2} />}
      {runs.isError && <Failure error={runs.error} onRetry={() => void runs.refetch()} />}
      {runs.data && all.length === 0 && <p className="muted">{t('lab.noRuns')}</p>}
      {groups.length > 1 && (
        <NativeSelect
          maw={320}
          label={t('lab.group')}
          value={group}
          onChange={(event) => setGroup(event.currentTarget.value)}
          data={groups.map((g) => ({ value: g, label: nameOf(g) }))}
        />
      )}
      {all.length > 0 && (
        <div className="scroll-x" tabIndex={0} role="group" aria-label={t('lab.runs')}>
          <table className={`${shapes.table} ${shapes.tight}`}>
            <thead>
              <tr>
                <th scope="col">{t('lab.ranAt')}</th>
                <th scope="col" className={shapes.number}>
                  {t('lab.queries')}
                </th>
                {measures.map((m) => (
                  <th key={m.key} scope="col" className={shapes.number}>
                    {m.label}
                  </th>
                ))}
                <th scope="col" className={shapes.number}>
                  {t('lab.oosAUC')}
                </th>
                <th scope="col" className={shapes.number}>
                  {t('lab.falseAbstain')}
                </th>
              </tr>
            </thead>
            <tbody>
              {all.map((r) => (
                <tr key={r.id}>
                  <th scope="row">
                    {formatDate(r.ranAt, lang)}
                    <div className="small muted">{t(`lab.reasons.${r.reason}`)}</div>
                  </th>
                  <td className={shapes.number}>{formatNumber(r.groups[group]?.n ?? 0, lang)}</td>
                  {measures.map((m) => (
                    <td key={m.key} className={shapes.number}>
                      {r.groups[group] ? formatNumber(r.groups[group][m.key], lang, 3) : '–'}
                    </td>
                  ))}
                  <td className={shapes.number}>{r.abstention ? formatNumber(r.abstention.oosAUC, lang, 3) : '–'}</td>
                  <td className={shapes.number}>{r.abstention ? formatNumber(r.abstention.falseAbstain, lang, 3) : '–'}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {all.length > 1 && <Comparison set={set} runs={all} />}
    </section>
  )
}

function Comparison({ set, runs }: { set: QuerySet; runs: QueryRun[] }) {
  const t = useText()
  const lang = useLang()
  const [later, setLater] = useState('')
  const [earlier, setEarlier] = useState('')
  const run = later || runs[0]?.id || ''
  const before = earlier || runs[1]?.id || ''
  const comparison = useComparison(set.id, run, before)
  const c = run === before ? undefined : comparison.data
  const data = runs.map((r) => ({ value: r.id, label: formatDate(r.ranAt, lang) }))
  const figure = (value: number) => formatNumber(value, lang, 3)
  const fell = c !== undefined && c.after < c.before && c.p < 0.05
  return (
    <section className={`${shapes.panel} stack`} aria-labelledby="comparison">
      <h3 id="comparison">{t('lab.compare')}</h3>
      <div className={shapes.fields}>
        <NativeSelect label={t('lab.earlier')} value={before} onChange={(event) => setEarlier(event.currentTarget.value)} data={data} />
        <NativeSelect label={t('lab.later')} value={run} onChange={(event) => setLater(event.currentTarget.value)} data={data} />
      </div>
      {run === before && <p className="muted">{t('lab.sameRun')}</p>}
      {comparison.isError && <Failure error={comparison.error} onRetry={() => void comparison.refetch()} />}
      {c && (
        <>
          {fell && <SeverityBand indicator="warning" title={t('lab.fell')} />}
          <p role="status">
            {t('lab.compared', { n: c.n, before: figure(c.before), after: figure(c.after), better: c.better, worse: c.worse, p: figure(c.p) })}{' '}
            {t(c.p < 0.05 ? 'lab.significant' : 'lab.chance')}
          </p>
          {c.changed.length > 0 && (
            <ul className={shapes.plain}>
              {c.changed.slice(0, 20).map((change) => (
                <li key={change.id} className="small">
                  {set.queries.find((q) => q.id === change.id)?.query ?? change.id}: {figure(change.before)} → {figure(change.after)}
                </li>
              ))}
            </ul>
          )}
        </>
      )}
    </section>
  )
}
