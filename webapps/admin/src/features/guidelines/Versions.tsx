import { Button, NativeSelect } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useState, type ReactNode } from 'react'
import type { Guideline, Passage as PassageData } from '@cdss/shared/api/types.ts'
import { formatDate } from '@cdss/shared/format/date.ts'
import { useLang, useShared } from '@cdss/shared/i18n/i18n.ts'
import { Passage } from '@cdss/shared/passage/Passage.tsx'
import { Failure, Loading } from '@cdss/shared/view/States.tsx'
import { StatusTag, Validity } from '../../guideline/GuidelineStatus.tsx'
import shapes from '../../guideline/table.module.css'
import { useText } from '../../text.ts'
import { useDifference, useVersions } from './api.ts'
import { Where } from './PassageCard.tsx'
import type { VersionDifference } from './types.ts'
import { Rebindings } from './UsedBy.tsx'

/** All versions of a guideline, and what changed from another one to this. */
export function Versions({ guideline: g }: { guideline: Guideline }) {
  const t = useText()
  const lang = useLang()
  const versions = useVersions(g.id)
  const [chosen, setFrom] = useState('')
  const all = versions.data?.guidelines ?? []
  const others = all.filter((v) => v.id !== g.id && v.complete)
  // The version in force is what a draft would succeed.
  const from = chosen || (others.find((v) => v.status === 'active') ?? others[0])?.id || ''
  const nameOf = (v: Guideline) => [v.version || t('library.noVersion'), t(`guidelines.statuses.${v.status}`), formatDate(v.createdAt, lang)].join(' · ')
  const difference = useDifference(g.id, from)
  return (
    <div className="stack">
      {versions.isPending && <Loading lines={2} />}
      {versions.isError && <Failure error={versions.error} onRetry={() => void versions.refetch()} />}
      {all.length > 0 && (
        <div className="scroll-x" tabIndex={0} role="group" aria-label={t('library.view.versions')}>
          <table className={shapes.table}>
            <thead>
              <tr>
                <th scope="col">{t('guidelines.version')}</th>
                <th scope="col">{t('guidelines.status')}</th>
                <th scope="col">{t('guidelines.validity')}</th>
                <th scope="col">{t('library.uploaded')}</th>
                <th scope="col">{t('library.approved')}</th>
              </tr>
            </thead>
            <tbody>
              {all.map((v) => (
                <tr key={v.id}>
                  <th scope="row">
                    {v.id === g.id ? (
                      <strong>{v.version || t('library.noVersion')}</strong>
                    ) : (
                      <Link to="/guidelines/$id" params={{ id: v.id }}>
                        {v.version || t('library.noVersion')}
                      </Link>
                    )}
                  </th>
                  <td>
                    <StatusTag guideline={v} />
                  </td>
                  <td>
                    <Validity guideline={v} />
                  </td>
                  <td>{[formatDate(v.createdAt, lang), v.uploadedBy].filter(Boolean).join(' · ')}</td>
                  <td>{v.approvedAt && [formatDate(v.approvedAt, lang), v.approvedBy].filter(Boolean).join(' · ')}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {versions.data && others.length === 0 && <p className="muted">{t('library.onlyOne')}</p>}
      {others.length > 0 && (
        <NativeSelect
          label={t('library.compareWith')}
          maw={420}
          value={from}
          onChange={(event) => setFrom(event.currentTarget.value)}
          data={others.map((v) => ({ value: v.id, label: nameOf(v) }))}
        />
      )}
      {from && difference.isPending && <Loading lines={3} />}
      {difference.isError && <Failure error={difference.error} onRetry={() => void difference.refetch()} />}
      {difference.data && <Difference difference={difference.data} />}
    </div>
  )
}

function Difference({ difference: d }: { difference: VersionDifference }) {
  const t = useText()
  const shared = useShared()
  const show = (p: PassageData) => (
    <div className="stack-tight">
      <Where passage={p} />
      <Passage text={p.quoted} lang={p.language} label={shared('source.table')} />
    </div>
  )
  return (
    <>
      <p role="status">
        {t('library.difference', { same: d.same, added: d.added.length, removed: d.removed.length, changed: d.changed.length })}
      </p>
      <Rebindings list={d.citations} />
      <Some title={t('library.changed')} items={d.changed} keyOf={(c) => c.to.id}>
        {(c) => (
          <div className={shapes.columns}>
            <div className="stack-tight">
              <p className="small">
                <strong>{t('library.before')}</strong>
              </p>
              {show(c.from)}
            </div>
            <div className="stack-tight">
              <p className="small">
                <strong>{t('library.after')}</strong>
              </p>
              {show(c.to)}
            </div>
          </div>
        )}
      </Some>
      <Some title={t('library.added')} items={d.added} keyOf={(p) => p.id}>
        {show}
      </Some>
      <Some title={t('library.removed')} items={d.removed} keyOf={(p) => p.id}>
        {show}
      </Some>
    </>
  )
}

type SomeProps<T> = { title: string; items: T[]; keyOf: (item: T) => string; children: (item: T) => ReactNode }

/** A list that grows by twenty: two versions may differ in thousands of passages. */
function Some<T>({ title, items, keyOf, children }: SomeProps<T>) {
  const t = useText()
  const [most, setMost] = useState(20)
  if (items.length === 0) return null
  return (
    <section className="stack-tight">
      <h3>
        {title} ({items.length})
      </h3>
      <ul className={shapes.plain}>
        {items.slice(0, most).map((item) => (
          <li key={keyOf(item)} className={shapes.panel}>
            {children(item)}
          </li>
        ))}
      </ul>
      {items.length > most && (
        <div>
          <Button variant="default" onClick={() => setMost(most + 20)}>
            {t('detail.more')}
          </Button>
        </div>
      )}
    </section>
  )
}
