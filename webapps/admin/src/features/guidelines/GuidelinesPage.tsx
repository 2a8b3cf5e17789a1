import { NativeSelect, TextInput } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { Guideline } from '@cdss/shared/api/types.ts'
import { formatNumber } from '@cdss/shared/format/number.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { useMay } from '@cdss/shared/session/session.ts'
import { Empty, Failure, Loading } from '@cdss/shared/view/States.tsx'
import { Page } from '@cdss/shared/view/Page.tsx'
import { concern, concerns, type Concern } from '../../guideline/concern.ts'
import { useGuidelines } from '../../guideline/guidelines.ts'
import { GuidelineSteps } from '../../guideline/GuidelineSteps.tsx'
import { StatusTag, Validity } from '../../guideline/GuidelineStatus.tsx'
import shapes from '../../guideline/table.module.css'
import { useText } from '../../text.ts'
import { JobState } from './JobState.tsx'
import { UploadForm } from './UploadForm.tsx'

export function GuidelinesPage() {
  const t = useText()
  const guidelines = useGuidelines()
  const may = useMay()
  const [filter, setFilter] = useState('')
  const [only, setOnly] = useState<Concern | ''>('')
  const all = guidelines.data?.guidelines ?? []
  const needle = filter.trim().toLowerCase()
  const now = new Date()
  const kinds = concerns.map((kind) => ({ kind, count: all.filter((g) => concern(g, now).includes(kind)).length })).filter((k) => k.count > 0)
  // The last one of a kind may have been dealt with meanwhile.
  const kept = kinds.some((k) => k.kind === only) ? only : ''
  const shown = all.filter((g) => (kept === '' || concern(g, now).includes(kept)) && [g.title, g.identifier, g.version, g.fileName, ...g.indications].join(' ').toLowerCase().includes(needle))
  return (
    <Page title={t('guidelines.title')} lead={t('guidelines.lead')}>
      <section className="stack" aria-labelledby="list">
        <h2 id="list">{t('guidelines.list')}</h2>
        {guidelines.isPending && <Loading lines={3} />}
        {guidelines.isError && <Failure error={guidelines.error} onRetry={() => void guidelines.refetch()} />}
        {guidelines.data && all.length === 0 && (
          <Empty title={t('guidelines.empty')}>
            {may('evidence:write') && <p>{t('guidelines.emptyHint')}</p>}
          </Empty>
        )}
        {all.length > 0 && (
          <>
            <div className={shapes.fields}>
              {all.length > 5 && (
                <TextInput label={t('guidelines.filter')} value={filter} onChange={(event) => setFilter(event.currentTarget.value)} />
              )}
              {kinds.length > 0 && (
                <NativeSelect
                  label={t('library.concern')}
                  value={kept}
                  onChange={(event) => setOnly(event.currentTarget.value as Concern | '')}
                  data={[
                    { value: '', label: t('library.concerns.all') },
                    ...kinds.map((k) => ({ value: k.kind, label: `${t(`library.concerns.${k.kind}`)} (${k.count})` })),
                  ]}
                />
              )}
            </div>
            {shown.length === 0 && <p className="muted">{t('guidelines.filterNone')}</p>}
            {shown.length > 0 && <Table guidelines={shown} />}
          </>
        )}
      </section>
      {may('evidence:write') && <UploadForm />}
    </Page>
  )
}

function Table({ guidelines }: { guidelines: Guideline[] }) {
  const t = useText()
  const lang = useLang()
  return (
    <div className="scroll-x" tabIndex={0} role="group" aria-label={t('guidelines.list')}>
      <table className={shapes.table}>
        <thead>
          <tr>
            <th scope="col">{t('guidelines.name')}</th>
            <th scope="col">{t('guidelines.version')}</th>
            <th scope="col">{t('guidelines.status')}</th>
            <th scope="col">{t('guidelines.validity')}</th>
            <th scope="col" className={shapes.number}>
              {t('guidelines.passages')}
            </th>
            <th scope="col">{t('guidelines.actions')}</th>
          </tr>
        </thead>
        <tbody>
          {guidelines.map((g) => (
            <tr key={g.id}>
              <th scope="row">
                <Link to="/guidelines/$id" params={{ id: g.id }}>
                  {g.title || g.fileName}
                </Link>
                <div className="small muted">{[g.identifier, g.publisher].filter(Boolean).join(' · ')}</div>
                <JobState guideline={g} />
              </th>
              <td>{g.version}</td>
              <td>
                <StatusTag guideline={g} />
              </td>
              <td>
                <Validity guideline={g} />
              </td>
              <td className={shapes.number}>{formatNumber(g.passages, lang)}</td>
              <td>
                <GuidelineSteps guideline={g} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
