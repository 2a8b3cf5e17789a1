import { NativeSelect, TextInput } from '@mantine/core'
import type { Library } from 'fhir/r4'
import { useState } from 'react'
import shapes from '../../guideline/table.module.css'
import { useText } from '../../text.ts'
import { ExpressionField } from './ExpressionField.tsx'
import { definitionsOf, sourceOf, withSource } from './model/library.ts'
import { withWords, wordsOf } from './model/resource.ts'
import { PatientChoice, type Patient } from './Traced.tsx'

type Props = { library: Library; onChange: (library: Library) => void; readOnly: boolean; mayTry: boolean }

/** A Library with its CQL: faults at their place, completion, and each definition tried on a patient. */
export function LibraryForm({ library, onChange, readOnly, mayTry }: Props) {
  const t = useText()
  const [patient, setPatient] = useState<Patient>('')
  const [chosen, setChosen] = useState('')
  const title = wordsOf(library, 'title')
  const source = sourceOf(library)
  const definitions = definitionsOf(source ?? '')
  const ask = definitions.includes(chosen) ? chosen : (definitions.at(-1) ?? '')
  return (
    <div className="stack">
      <fieldset disabled={readOnly} className={shapes.bare}>
        <div className={shapes.fields}>
          <TextInput label={t('rules.titleDe')} value={title.de} onChange={(event) => onChange(withWords(library, 'title', { ...title, de: event.currentTarget.value }))} lang="de" />
          <TextInput label={t('rules.titleEn')} value={title.en} onChange={(event) => onChange(withWords(library, 'title', { ...title, en: event.currentTarget.value }))} lang="en" />
        </div>
      </fieldset>
      {source === null ? (
        <p className="muted">{t('rules.noCql')}</p>
      ) : (
        <>
          {mayTry && (
            <div className={shapes.fields}>
              <PatientChoice label={t('rules.tryOn')} url={library.url ?? ''} value={patient} onChange={setPatient} />
              <NativeSelect label={t('rules.definition')} value={ask} onChange={(event) => setChosen(event.currentTarget.value)} data={definitions} />
            </div>
          )}
          <ExpressionField
            label={t('rules.source')}
            about={{ language: 'text/cql' }}
            value={source}
            onChange={(text) => onChange(withSource(library, text))}
            patient={patient}
            ask={ask}
            library={(text) => withSource(library, text)}
            readOnly={readOnly || !mayTry}
          />
        </>
      )}
    </div>
  )
}
