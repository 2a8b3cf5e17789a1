import { Button, CloseButton, NativeSelect, TextInput, Textarea } from '@mantine/core'
import type { PlanDefinition, PlanDefinitionAction } from 'fhir/r4'
import { useState, type ReactNode } from 'react'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { Failure } from '@cdss/shared/view/States.tsx'
import shapes from '../../guideline/table.module.css'
import { useText } from '../../text.ts'
import { useRules } from './api.ts'
import { ActionForm, type Surroundings } from './ActionForm.tsx'
import { changeAction, kindOf, newAction, newBelow, withWords, wordsOf } from './model/resource.ts'
import { titleOf } from './rule.ts'
import { PatientChoice, useTried, type Patient } from './Traced.tsx'
import type { Problem } from './types.ts'

type Props = { plan: PlanDefinition; onChange: (plan: PlanDefinition) => void; problems: Problem[]; readOnly: boolean; mayTry: boolean }

/** A PlanDefinition as a form. What the form does not know of it is not touched. */
export function RuleForm({ plan, onChange, problems, readOnly, mayTry }: Props) {
  const t = useText()
  const [patient, setPatient] = useState<Patient>('')
  const tried = useTried(plan, patient)
  const title = wordsOf(plan, 'title')
  const description = wordsOf(plan, 'description')
  const kind = kindOf(plan)
  const actions = plan.action ?? []
  const traced = tried.data?.plans.find((p) => p.url === plan.url)
  const around: Surroundings = {
    kind,
    readOnly,
    problems,
    tried: patient !== '' && tried.data !== undefined,
    about: { libraries: plan.library ?? [], ...(plan.id ? { rule: { type: 'PlanDefinition', id: plan.id } } : {}) },
    patient,
    traced: (at) => traced?.actions.find((a) => a.at === at),
  }
  const setActions = (action: PlanDefinitionAction[]) => onChange({ ...plan, action })
  return (
    <div className="stack">
      <fieldset disabled={readOnly} className={shapes.bare}>
        <div className={shapes.fields}>
          <TextInput label={t('rules.titleDe')} value={title.de} onChange={(event) => onChange(withWords(plan, 'title', { ...title, de: event.currentTarget.value }))} lang="de" />
          <TextInput label={t('rules.titleEn')} value={title.en} onChange={(event) => onChange(withWords(plan, 'title', { ...title, en: event.currentTarget.value }))} lang="en" />
          <Textarea
            label={t('rules.aboutDe')}
            autosize
            value={description.de}
            onChange={(event) => onChange(withWords(plan, 'description', { ...description, de: event.currentTarget.value }))}
            lang="de"
          />
          <Textarea
            label={t('rules.aboutEn')}
            autosize
            value={description.en}
            onChange={(event) => onChange(withWords(plan, 'description', { ...description, en: event.currentTarget.value }))}
            lang="en"
          />
        </div>
        <Libraries plan={plan} onChange={onChange} />
      </fieldset>
      {mayTry && (
        <>
          <PatientChoice label={t('rules.tryOn')} url={plan.url ?? ''} value={patient} onChange={setPatient} />
          {tried.isError && <Failure error={tried.error} onRetry={() => void tried.refetch()} />}
        </>
      )}
      <h2>{t('rules.actions')}</h2>
      <Tree
        actions={actions}
        around={around}
        path={[]}
        at=""
        location="PlanDefinition"
        change={(path, change) => setActions(changeAction(actions, path, change))}
      />
      {!readOnly && kind !== 'regimens' && (
        <div>
          <Button variant="default" onClick={() => setActions([...actions, newAction(kind, actions.map((a) => a.id ?? ''))])}>
            {t('rules.addAction')}
          </Button>
        </div>
      )}
    </div>
  )
}

/** The Libraries whose definitions conditions may name. */
function Libraries({ plan, onChange }: { plan: PlanDefinition; onChange: (plan: PlanDefinition) => void }) {
  const t = useText()
  const lang = useLang()
  const all = useRules('Library')
  const named = plan.library ?? []
  const titles = new Map((all.data ?? []).flatMap((r) => [[r.url, titleOf(r, lang)], [`${r.url}|${r.version}`, titleOf(r, lang)]]))
  const rest = (all.data ?? []).filter((r) => !named.some((name) => name.split('|')[0] === r.url))
  return (
    <div className="stack-tight" role="group" aria-label={t('rules.libraries')}>
      <strong className="small">{t('rules.libraries')}</strong>
      {named.map((name) => (
        <div key={name} className="row">
          <span title={name}>{titles.get(name) ?? name}</span>
          <CloseButton aria-label={t('rules.removeOf', { what: titles.get(name) ?? name })} onClick={() => onChange({ ...plan, library: named.filter((n) => n !== name) })} />
        </div>
      ))}
      {rest.length > 0 && (
        <NativeSelect
          aria-label={t('rules.addLibrary')}
          value=""
          onChange={(event) => event.currentTarget.value && onChange({ ...plan, library: [...named, event.currentTarget.value] })}
          data={[{ value: '', label: t('rules.addLibrary') }, ...rest.map((r) => ({ value: `${r.url}|${r.version}`, label: titleOf(r, lang) }))]}
        />
      )}
    </div>
  )
}

type Change = (path: number[], change: (action: PlanDefinitionAction) => PlanDefinitionAction | null) => void

function Tree({ actions, around, path, at, location, change }: { actions: PlanDefinitionAction[]; around: Surroundings; path: number[]; at: string; location: string; change: Change }): ReactNode {
  return actions.map((action, i) => {
    const mine = [...path, i]
    const name = at === '' ? (action.id ?? '') : `${at}/${action.id ?? ''}`
    const place = `${location}.action[${i}]`
    const below = action.action ?? []
    const added = around.kind === 'regimens' ? newBelow(action) : null
    return (
      <ActionForm
        key={action.id ?? i}
        {...around}
        action={action}
        at={name}
        location={place}
        onChange={(next) => change(mine, () => next)}
        onRemove={() => change(mine, () => null)}
        onAdd={added ? () => change(mine, (old) => ({ ...old, action: [...below, added] })) : null}
      >
        {below.length > 0 && (
          <div className="stack" style={{ marginTop: 'var(--s4)' }}>
            <Tree actions={below} around={around} path={mine} at={name} location={place} change={change} />
          </div>
        )}
      </ActionForm>
    )
  })
}
