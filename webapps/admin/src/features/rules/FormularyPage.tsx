import { Button, NativeSelect, Select, TextInput } from '@mantine/core'
import { useState } from 'react'
import { formatDate } from '@cdss/shared/format/date.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { useMay } from '@cdss/shared/session/session.ts'
import { Page } from '@cdss/shared/view/Page.tsx'
import { Empty, Failure, Loading } from '@cdss/shared/view/States.tsx'
import { useIndications } from '../../guideline/guidelines.ts'
import shapes from '../../guideline/table.module.css'
import { faultsOf } from '../../system/faults.ts'
import { Group } from '../../system/Group.tsx'
import { useText } from '../../text.ts'
import { RulesNav } from './parts.tsx'
import classes from './rules.module.css'
import { useAddOverlay, useKnowledge, useOverlay, useRemoveOverlay, type Overlay } from './tables.ts'

const kinds = ['hide', 'restrict', 'replace', 'prefer'] as const

/** What this hospital changes of the content: substances not offered, restricted, preferred, regimens replaced. */
export function FormularyPage() {
  const t = useText()
  const lang = useLang()
  const may = useMay()
  const overlay = useOverlay()
  const remove = useRemoveOverlay()
  const indications = useIndications()
  const names = new Map((indications.data?.categories ?? []).flatMap((c) => c.indications.map((i) => [i.code, i[lang]])))
  return (
    <Page title={t('rules.nav.formulary')} lead={t('rules.formularyLead')}>
      <RulesNav />
      {overlay.isPending && <Loading lines={3} />}
      {overlay.isError && <Failure error={overlay.error} onRetry={() => void overlay.refetch()} />}
      {remove.isError && <Failure error={remove.error} />}
      {overlay.data?.length === 0 && <Empty title={t('rules.noOverlay')} />}
      {overlay.data && overlay.data.length > 0 && (
        <div className="scroll-x" tabIndex={0} role="group" aria-label={t('rules.nav.formulary')}>
          <table className={`${shapes.table} ${shapes.tight}`}>
            <thead>
              <tr>
                <th scope="col">{t('rules.target')}</th>
                <th scope="col">{t('rules.overlayKind')}</th>
                <th scope="col">{t('rules.indication')}</th>
                <th scope="col">{t('rules.reason')}</th>
                <th scope="col">{t('rules.who')}</th>
                {may('overlay:write') && <th scope="col">{t('rules.remove')}</th>}
              </tr>
            </thead>
            <tbody>
              {overlay.data.map((entry) => (
                <tr key={entry.id}>
                  <th scope="row" className={`code ${classes.wrap}`}>
                    {entry.target}
                    {entry.with && ` → ${entry.with}`}
                  </th>
                  <td>{t(`rules.overlayKinds.${entry.kind}`)}</td>
                  <td>{entry.indication ? (names.get(entry.indication) ?? entry.indication) : t('rules.allIndications')}</td>
                  <td className="small">{entry.reason[lang]}</td>
                  <td className="small">
                    {entry.by}
                    {entry.at && <div className="muted">{formatDate(entry.at, lang)}</div>}
                  </td>
                  {may('overlay:write') && (
                    <td>
                      <Button size="compact-sm" variant="default" aria-label={t('rules.removeOf', { what: entry.target })} onClick={() => entry.id && remove.mutate(entry.id)}>
                        {t('rules.remove')}
                      </Button>
                    </td>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {may('overlay:write') && <Add />}
      <KnowledgeState />
    </Page>
  )
}

const empty: Overlay = { kind: 'hide', target: '', reason: { de: '', en: '' } }

function Add() {
  const t = useText()
  const lang = useLang()
  const add = useAddOverlay()
  const indications = useIndications()
  const [entry, setEntry] = useState(empty)
  const set = (patch: Partial<Overlay>) => setEntry({ ...entry, ...patch })
  const fault = faultsOf(add.error)
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault()
        const { with: other, indication, ...rest } = entry
        add.mutate(
          { ...rest, ...(entry.kind === 'replace' && other ? { with: other } : {}), ...(indication ? { indication } : {}) },
          { onSuccess: () => setEntry(empty) },
        )
      }}
    >
      <Group title={t('rules.addOverlay')}>
        <div className={shapes.fields}>
          <NativeSelect
            label={t('rules.overlayKind')}
            value={entry.kind}
            onChange={(event) => set({ kind: event.currentTarget.value as Overlay['kind'] })}
            data={kinds.map((value) => ({ value, label: t(`rules.overlayKinds.${value}`) }))}
          />
          <TextInput
            label={t('rules.target')}
            description={t(entry.kind === 'replace' ? 'rules.replaceHint' : 'rules.targetHint')}
            value={entry.target}
            spellCheck={false}
            onChange={(event) => set({ target: event.currentTarget.value })}
            error={fault('target', 'body.target')}
          />
          {entry.kind === 'replace' && (
            <TextInput label={t('rules.with')} value={entry.with ?? ''} spellCheck={false} onChange={(event) => set({ with: event.currentTarget.value })} error={fault('with', 'body.with')} />
          )}
          <Select
            label={t('rules.indication')}
            placeholder={t('rules.allIndications')}
            clearable
            searchable
            value={entry.indication ?? null}
            onChange={(value) => set({ indication: value ?? undefined })}
            data={(indications.data?.categories ?? []).map((c) => ({ group: c[lang], items: c.indications.map((i) => ({ value: i.code, label: i[lang] })) }))}
          />
          <TextInput label={t('rules.reasonDe')} value={entry.reason.de} onChange={(event) => set({ reason: { ...entry.reason, de: event.currentTarget.value } })} lang="de" error={fault('reason.de')} />
          <TextInput label={t('rules.reasonEn')} value={entry.reason.en} onChange={(event) => set({ reason: { ...entry.reason, en: event.currentTarget.value } })} lang="en" error={fault('reason.en')} />
        </div>
        {add.isError && <Failure error={add.error} />}
        <div>
          <Button type="submit" loading={add.isPending}>
            {t('rules.add')}
          </Button>
        </div>
      </Group>
    </form>
  )
}

/** What runs, and what does not and why. */
function KnowledgeState() {
  const t = useText()
  const lang = useLang()
  const state = useKnowledge()
  if (!state.data) return null
  const k = state.data
  const notes = [...k.refused, ...k.problems, ...k.withheld]
  return (
    <section className="stack-tight" aria-label={t('rules.running')}>
      <h2>{t('rules.running')}</h2>
      <dl className={shapes.list}>
        <dt>{t('rules.loadedAt')}</dt>
        <dd>{formatDate(k.loadedAt, lang)}</dd>
        <dt>{t('rules.plansRunning')}</dt>
        <dd className="num">{t('rules.plansOf', { plans: k.plans, site: k.site })}</dd>
        <dt>{t('rules.services')}</dt>
        <dd>{k.services.map((s) => `${s.id} (${s.hook})`).join(', ') || '–'}</dd>
      </dl>
      {notes.length > 0 && (
        <details>
          <summary>{t('rules.notesCount', { count: notes.length })}</summary>
          <ul className="small">
            {notes.map((n, i) => (
              <li key={i} className={classes.wrap}>
                <span className="code">{n.artifact}</span>: {n.message}
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  )
}
