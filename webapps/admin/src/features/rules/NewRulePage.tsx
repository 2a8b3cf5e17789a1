import { Button, NativeSelect, Select, TextInput } from '@mantine/core'
import { Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { Page } from '@cdss/shared/view/Page.tsx'
import { Failure } from '@cdss/shared/view/States.tsx'
import { useIndications } from '../../guideline/guidelines.ts'
import shapes from '../../guideline/table.module.css'
import { useText } from '../../text.ts'
import { useCreate } from './api.ts'
import { newLibrary } from './model/library.ts'
import { newPlan, slug, type Kind } from './model/resource.ts'

type Begun = Kind | 'library'
const kinds: Begun[] = ['substances', 'notice', 'regimens', 'library']

/** The few things a draft begins with; all else is written in its form. */
export function NewRulePage() {
  const t = useText()
  const lang = useLang()
  const navigate = useNavigate()
  const create = useCreate()
  const indications = useIndications()
  const [kind, setKind] = useState<Begun>('substances')
  const [title, setTitle] = useState({ de: '', en: '' })
  const [id, setId] = useState<string | null>(null)
  const [indication, setIndication] = useState<string | null>(null)
  const [asked, setAsked] = useState(false)
  const name = id ?? slug(title.en || title.de)
  const url = `${location.origin}/fhir/${kind === 'library' ? 'Library' : 'PlanDefinition'}/${name}`
  const missing = asked && title.de.trim() === '' ? t('rules.needTitle') : undefined
  const submit = () => {
    setAsked(true)
    if (title.de.trim() === '' || name === '' || (kind === 'regimens' && !indication)) return
    create.mutate(kind === 'library' ? newLibrary({ title, id: name, url }) : newPlan({ kind, title, id: name, url, indication: indication ?? '' }), {
      onSuccess: ({ rule }) => void navigate({ to: '/rules/$type/$id', params: { type: rule.type, id: rule.id } }),
    })
  }
  return (
    <Page title={t('rules.new')} lead={t('rules.newLead')}>
      <p>
        <Link to="/rules">{t('rules.back')}</Link>
      </p>
      <form
        className="stack"
        noValidate
        onSubmit={(event) => {
          event.preventDefault()
          submit()
        }}
      >
        <NativeSelect
          label={t('rules.kind')}
          description={t(`rules.kindHints.${kind}`)}
          value={kind}
          onChange={(event) => setKind(event.currentTarget.value as Begun)}
          data={kinds.map((value) => ({ value, label: t(`rules.kinds.${value}`) }))}
        />
        <div className={shapes.fields}>
          <TextInput label={t('rules.titleDe')} value={title.de} onChange={(event) => setTitle({ ...title, de: event.currentTarget.value })} error={missing} lang="de" />
          <TextInput label={t('rules.titleEn')} value={title.en} onChange={(event) => setTitle({ ...title, en: event.currentTarget.value })} lang="en" />
        </div>
        {kind === 'regimens' && (
          <Select
            label={t('rules.indication')}
            searchable
            value={indication}
            onChange={setIndication}
            error={asked && !indication ? t('rules.needIndication') : undefined}
            data={(indications.data?.categories ?? []).map((c) => ({ group: c[lang], items: c.indications.map((i) => ({ value: i.code, label: i[lang] })) }))}
          />
        )}
        <TextInput label={t('rules.id')} description={t('rules.idHint', { url })} value={name} onChange={(event) => setId(slug(event.currentTarget.value))} spellCheck={false} />
        {create.isError && <Failure error={create.error} />}
        <div className="row">
          <Button type="submit" loading={create.isPending}>
            {t('rules.begin')}
          </Button>
        </div>
      </form>
    </Page>
  )
}
