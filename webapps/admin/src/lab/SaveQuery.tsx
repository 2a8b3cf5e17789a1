import { Button, NativeSelect, TextInput } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { Lang, SearchHit } from '@cdss/shared/api/types.ts'
import { SeverityBand } from '@cdss/shared/clinical/SeverityBand.tsx'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { Failure } from '@cdss/shared/view/States.tsx'
import shapes from '../guideline/table.module.css'
import { useText } from '../text.ts'
import { useAddQuery, useSets } from './api.ts'
import { judged } from './judged.ts'
import type { Grade } from './types.ts'

type Props = { query: string; hits: SearchHit[]; grades: Record<string, Grade> }

/** Keeps a question with the passages that answer it in a set, which every later change is measured by. */
export function SaveQuery({ query, hits, grades }: Props) {
  const t = useText()
  const lang = useLang()
  const sets = useSets()
  const add = useAddQuery()
  const [chosen, setChosen] = useState<string | null>(null)
  const [name, setName] = useState('')
  const [language, setLanguage] = useState<Lang>(lang)
  const [kind, setKind] = useState('')
  const [tried, setTried] = useState(false)
  const all = sets.data?.sets ?? []
  const set = chosen ?? all[0]?.id ?? ''
  const marked = Object.keys(grades).length
  const unnamed = set === '' && name.trim() === ''
  const save = () => {
    setTried(true)
    if (unnamed) return
    add.mutate(
      { set, name: name.trim(), query: judged(crypto.randomUUID(), query, language, kind.trim(), hits, grades) },
      { onSuccess: (saved) => setChosen(saved.id) },
    )
  }
  return (
    <section className={`${shapes.panel} stack`} aria-labelledby="save-query">
      <h2 id="save-query">{t('lab.save')}</h2>
      <p className="small muted">{marked > 0 ? t('lab.marked', { count: marked }) : t('lab.markedNone')}</p>
      <form
        className="stack"
        noValidate
        onSubmit={(event) => {
          event.preventDefault()
          save()
        }}
      >
        <div className={shapes.fields}>
          <NativeSelect
            label={t('lab.set')}
            value={set}
            onChange={(event) => setChosen(event.currentTarget.value)}
            data={[...all.map((s) => ({ value: s.id, label: s.name })), { value: '', label: t('lab.newSet') }]}
          />
          {set === '' && (
            <TextInput
              label={t('lab.setName')}
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
              error={tried && unnamed ? t('lab.needName') : undefined}
              maxLength={100}
            />
          )}
          <NativeSelect
            label={t('lab.language')}
            value={language}
            onChange={(event) => setLanguage(event.currentTarget.value === 'en' ? 'en' : 'de')}
            data={[
              { value: 'de', label: t('guidelines.german') },
              { value: 'en', label: t('guidelines.english') },
            ]}
          />
          <TextInput
            label={t('lab.kind')}
            description={t('lab.kindHint')}
            value={kind}
            onChange={(event) => setKind(event.currentTarget.value)}
            maxLength={40}
          />
        </div>
        {add.isError && <Failure error={add.error} />}
        {add.isSuccess && (
          <div role="status">
            <SeverityBand indicator="info" title={t('lab.saved', { name: add.data.name, count: add.data.queries.length })}>
              <Link to="/query-sets/$id" params={{ id: add.data.id }}>
                {t('lab.toSet')}
              </Link>
            </SeverityBand>
          </div>
        )}
        <div>
          <Button type="submit" variant="default" loading={add.isPending} disabled={add.isSuccess}>
            {t('lab.saveButton')}
          </Button>
        </div>
      </form>
    </section>
  )
}
