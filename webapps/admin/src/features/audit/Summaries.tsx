import type { ReactNode } from 'react'
import { formatDate } from '@cdss/shared/format/date.ts'
import { formatNumber } from '@cdss/shared/format/number.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { Failure, Loading } from '@cdss/shared/view/States.tsx'
import shapes from '../../guideline/table.module.css'
import { useText } from '../../text.ts'
import { useDid, useSaw } from './api.ts'
import { useKindName } from './kinds.ts'
import type { AuditFilter } from './types.ts'

type Props = { filter: AuditFilter; count: number }

/** Who saw the data of this patient: one line for each person and way. */
export function WhoSaw({ filter, count }: Props) {
  const t = useText()
  const kind = useKindName()
  const saw = useSaw(filter, count)
  const list = saw.data?.sightings
  return (
    <section className="stack-tight" aria-labelledby="saw">
      <h2 id="saw">{t('system.audit.saw', { patient: filter.patient ?? '' })}</h2>
      {saw.isPending && <Loading lines={2} />}
      {saw.isError && <Failure error={saw.error} onRetry={() => void saw.refetch()} />}
      {list?.length === 0 && <p>{t('system.audit.sawNobody')}</p>}
      {list && list.length > 0 && (
        <Table
          labelledBy="saw"
          head={[t('system.audit.who'), t('system.audit.what')]}
          rows={list.map((s) => ({
            cells: [
              <>
                {s.person || s.client || t('system.audit.nobody')}
                {s.person && s.client && <div className="small muted">{t('system.audit.through', { client: s.client })}</div>}
              </>,
              kind(s.kind),
            ],
            ...s,
          }))}
        />
      )}
    </section>
  )
}

/** What this person or system did, and to how many patients. */
export function WhatDid({ filter, count }: Props) {
  const t = useText()
  const lang = useLang()
  const kind = useKindName()
  const did = useDid(filter, count)
  const list = did.data?.deeds
  return (
    <section className="stack-tight" aria-labelledby="did">
      <h2 id="did">{t('system.audit.did', { person: filter.person ?? '' })}</h2>
      {did.isPending && <Loading lines={2} />}
      {did.isError && <Failure error={did.error} onRetry={() => void did.refetch()} />}
      {list?.length === 0 && <p>{t('system.audit.didNothing')}</p>}
      {list && list.length > 0 && (
        <Table
          labelledBy="did"
          head={[t('system.audit.what'), t('system.audit.patients')]}
          rows={list.map((d) => ({
            cells: [
              <>
                {kind(d.kind)} {d.data && <span className="code">{d.data}</span>}
              </>,
              formatNumber(d.patients, lang),
            ],
            ...d,
          }))}
        />
      )}
    </section>
  )
}

type Row = { cells: ReactNode[]; events: number; first: string; last: string }

function Table({ labelledBy, head, rows }: { labelledBy: string; head: string[]; rows: Row[] }) {
  const t = useText()
  const lang = useLang()
  return (
    <div className="scroll-x" tabIndex={0} role="group" aria-labelledby={labelledBy}>
      <table className={`${shapes.table} ${shapes.tight}`}>
        <thead>
          <tr>
            {head.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
            <th scope="col" className={shapes.number}>
              {t('system.audit.times')}
            </th>
            <th scope="col">{t('system.audit.first')}</th>
            <th scope="col">{t('system.audit.last')}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row, i) => (
            <tr key={i}>
              {row.cells.map((cell, k) => (
                <td key={k}>{cell}</td>
              ))}
              <td className={shapes.number}>{formatNumber(row.events, lang)}</td>
              <td className="num nowrap">{formatDate(row.first, lang)}</td>
              <td className="num nowrap">{formatDate(row.last, lang)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
