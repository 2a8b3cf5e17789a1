import { Button, Checkbox, NativeSelect, Radio, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { call } from '@cdss/shared/api/call.ts'
import type { SearchRequest, SearchResult } from '@cdss/shared/api/types.ts'
import { SeverityBand } from '@cdss/shared/clinical/SeverityBand.tsx'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { useMay } from '@cdss/shared/session/session.ts'
import { Page } from '@cdss/shared/view/Page.tsx'
import { Empty, Failure, Loading } from '@cdss/shared/view/States.tsx'
import { useIndications } from '../../guideline/guidelines.ts'
import shapes from '../../guideline/table.module.css'
import { useText } from '../../text.ts'
import { LabNav } from '../../lab/LabNav.tsx'
import { SaveQuery } from '../../lab/SaveQuery.tsx'
import type { Grade } from '../../lab/types.ts'
import { Built } from '../../lab/Built.tsx'
import { Hit } from './Hit.tsx'
import classes from './SearchPage.module.css'

const risks = ['prior-antibiotics-90d', 'mrgn', 'mrsa', 'vre', 'pseudomonas', 'nosocomial', 'ventilation', 'catheter'] as const
const severities = ['mild', 'moderate', 'severe', 'septic'] as const

export function SearchPage() {
  const t = useText()
  const lang = useLang()
  const indications = useIndications()
  const [mode, setMode] = useState<'free' | 'structured'>('free')
  const [query, setQuery] = useState('')
  const [indication, setIndication] = useState('')
  const [severity, setSeverity] = useState('')
  const [risk, setRisk] = useState<string[]>([])
  const [pathogens, setPathogens] = useState('')
  const [k, setK] = useState('10')
  const [tried, setTried] = useState(false)
  const [grades, setGrades] = useState<Record<string, Grade>>({})
  const may = useMay()
  const results = useRef<HTMLHeadingElement>(null)
  const search = useMutation({
    mutationFn: (request: SearchRequest) => call<SearchResult>('/search', { method: 'POST', body: request }),
    onSuccess: () => requestAnimationFrame(() => results.current?.focus({ preventScroll: false })),
  })
  const missing = mode === 'free' ? query.trim() === '' : indication === ''
  const run = () => {
    setTried(true)
    if (missing) return
    setGrades({})
    const base: SearchRequest = { k: Number(k), language: lang }
    search.mutate(
      mode === 'free'
        ? { ...base, query: query.trim() }
        : {
            ...base,
            request: {
              indication,
              ...(severity ? { severity } : {}),
              ...(risk.length ? { riskFactors: risk } : {}),
              ...(pathogens.trim() ? { pathogens: pathogens.split(',').map((p) => p.trim()).filter(Boolean) } : {}),
            },
          },
    )
  }
  return (
    <Page title={t('search.title')} lead={t('search.lead')}>
      <LabNav />
      <form
        className={`${shapes.panel} stack`}
        role="search"
        noValidate
        onSubmit={(event) => {
          event.preventDefault()
          run()
        }}
      >
        <Radio.Group label={t('search.mode')} value={mode} onChange={(value) => setMode(value as 'free' | 'structured')}>
          <div className={classes.choices}>
            <Radio value="free" label={t('search.free')} />
            <Radio value="structured" label={t('search.structured')} />
          </div>
        </Radio.Group>
        {mode === 'free' ? (
          <TextInput
            label={t('search.query')}
            value={query}
            onChange={(event) => setQuery(event.currentTarget.value)}
            error={tried && missing ? t('search.needQuery') : undefined}
            maxLength={2000}
          />
        ) : (
          <>
            {indications.isError && <Failure error={indications.error} onRetry={() => void indications.refetch()} />}
            <div className={shapes.fields}>
              <NativeSelect
                label={t('search.indication')}
                value={indication}
                onChange={(event) => setIndication(event.currentTarget.value)}
                error={tried && missing ? t('search.needIndication') : undefined}
                data={[
                  { value: '', label: t('search.none') },
                  ...(indications.data?.categories ?? []).map((c) => ({
                    group: c[lang],
                    items: c.indications.map((i) => ({ value: i.code, label: i[lang] })),
                  })),
                ]}
              />
              <NativeSelect
                label={t('search.severity')}
                value={severity}
                onChange={(event) => setSeverity(event.currentTarget.value)}
                data={[{ value: '', label: t('search.none') }, ...severities.map((s) => ({ value: s, label: t(`search.severities.${s}`) }))]}
              />
              <TextInput
                label={t('search.pathogens')}
                description={t('search.pathogensHint')}
                value={pathogens}
                onChange={(event) => setPathogens(event.currentTarget.value)}
              />
            </div>
            <Checkbox.Group label={t('search.risks')} value={risk} onChange={setRisk}>
              <div className={classes.choices}>
                {risks.map((r) => (
                  <Checkbox key={r} value={r} label={t(`search.riskNames.${r}`)} />
                ))}
              </div>
            </Checkbox.Group>
          </>
        )}
        <div className={classes.run}>
          <NativeSelect
            label={t('search.k')}
            value={k}
            onChange={(event) => setK(event.currentTarget.value)}
            data={['5', '10', '20', '50']}
            w={100}
          />
          <Button type="submit" loading={search.isPending}>
            {t('search.run')}
          </Button>
        </div>
      </form>
      {search.isIdle && (
        <Empty title={t('search.start')}>
          <p>{t('search.startHint')}</p>
        </Empty>
      )}
      {search.isPending && <Loading lines={4} />}
      {search.isError && <Failure error={search.error} onRetry={run} />}
      {search.data && (
        <>
          {search.data.degraded.length > 0 && (
            <SeverityBand indicator="warning" title={t('search.degraded', { legs: search.data.degraded.join(', ') })} />
          )}
          <Built query={search.data.query} />
          <section className="stack" aria-labelledby="results">
            <h2 id="results" ref={results} tabIndex={-1}>
              {search.data.abstained ? t('search.abstained') : t('search.results', { count: search.data.results.length })}
            </h2>
            {search.data.abstained && <p>{search.data.reason || t('search.abstainedHint')}</p>}
            <ol className={shapes.plain}>
              {search.data.results.map((hit) => (
                <li key={hit.rank}>
                  <Hit
                    hit={hit}
                    top={search.data.results[0]?.score ?? 0}
                    grade={grades[hit.passage] ?? 0}
                    onGrade={may('measurements:write') ? (grade) => setGrades(graded(grades, hit.passage, grade)) : undefined}
                  />
                </li>
              ))}
            </ol>
          </section>
          {may('measurements:write') && (
            <SaveQuery
              key={search.submittedAt}
              query={search.variables.query ?? search.data.query.text}
              hits={search.data.results}
              grades={grades}
            />
          )}
        </>
      )}
    </Page>
  )
}

/** The marks with one more, or without it where the mark is taken back. */
function graded(grades: Record<string, Grade>, passage: string, grade: Grade | 0): Record<string, Grade> {
  const others = Object.fromEntries(Object.entries(grades).filter(([id]) => id !== passage))
  return grade === 0 ? others : { ...others, [passage]: grade }
}
