import { Button, TagsInput } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { useEffect, useReducer, useRef, useState } from 'react'
import { SeverityBand } from '@cdss/shared/clinical/SeverityBand.tsx'
import { bundleOf } from '../../case/bundle.ts'
import { dispatch as keep, openCase, useCases } from '../../case/cases.ts'
import { emptyEntry, entryFaults, entryReducer, rangeOf, unitOf, type EntryFault, type NumberField } from '../../case/entry.ts'
import fields from '../../case/fields.module.css'
import { Page } from '@cdss/shared/view/Page.tsx'
import { IndicationField, MoreFields, RiskFields, SeverityField } from '../../case/RequestFields.tsx'
import { useText } from '../../text.ts'
import { AllergyFields } from './AllergyFields.tsx'
import { PatientFields, VitalFields } from './PatientFields.tsx'

export function FormPage() {
  const t = useText()
  const navigate = useNavigate()
  const [entry, dispatch] = useReducer(entryReducer, useCases().draft)
  const [tried, setTried] = useState(false)
  const [cleared, setCleared] = useState(0)
  const summary = useRef<HTMLDivElement>(null)
  // The draft outlives this screen, so that coming back finds it.
  useEffect(() => keep({ type: 'draft', entry }), [entry])

  const faults = tried ? entryFaults(entry) : []
  const request = { request: entry.request, change: (patch: typeof entry.request) => dispatch({ type: 'request', patch }) }
  const errorOf = (field: string) => {
    const found = faults.find((f) => f.field === field)
    return found ? t(`form.fault.${found.fault}`) : undefined
  }

  const submit = () => {
    setTried(true)
    if (entryFaults(entry).length > 0) {
      requestAnimationFrame(() => summary.current?.focus())
      return
    }
    const id = openCase({ origin: 'form', bundle: bundleOf(entry, new Date()), request: entry.request })
    void navigate({ to: '/case/$id/review', params: { id } })
  }

  return (
    <Page title={t('form.title')}>
      <form
        className={`stack ${fields.form}`}
        key={cleared}
        noValidate
        onSubmit={(event) => {
          event.preventDefault()
          submit()
        }}
      >
        {faults.length > 0 && (
          <div ref={summary} tabIndex={-1} role="alert">
            <SeverityBand indicator="warning" title={t('form.faults')}>
              <ul>
                {faults.map((fault) => (
                  <li key={fault.field}>
                    <a
                      href={`#field-${fault.field}`}
                      onClick={(event) => {
                        event.preventDefault()
                        document.getElementById(`field-${fault.field}`)?.focus()
                      }}
                    >
                      <FaultLine fault={fault} entry={entry} />
                    </a>
                  </li>
                ))}
              </ul>
            </SeverityBand>
          </div>
        )}
        <fieldset className={fields.section}>
          <legend>{t('form.infection')}</legend>
          <div className="stack">
            <IndicationField {...request} error={errorOf('indication')} required />
            <SeverityField {...request} />
            <RiskFields {...request} />
            <details>
              <summary>{t('request.more')}</summary>
              <MoreFields {...request} />
            </details>
          </div>
        </fieldset>
        <fieldset className={fields.section}>
          <legend>{t('form.patient')}</legend>
          <div className="stack">
            <p className="small muted">{t('form.patientHint')}</p>
            <PatientFields entry={entry} dispatch={dispatch} />
            <AllergyFields entry={entry} dispatch={dispatch} errorOf={errorOf} />
            <TagsInput
              label={t('form.medications')}
              description={t('form.medicationsHint')}
              value={entry.medications}
              onChange={(names) => dispatch({ type: 'medications', names })}
              splitChars={[',', ';', '\n']}
              acceptValueOnBlur
              maxTags={40}
              autoComplete="off"
              comboboxProps={{ withinPortal: false }}
            />
            <details open={entry.respiratoryRate !== '' || entry.systolic !== '' || entry.confusion !== ''}>
              <summary>
                {t('form.vitals')} <span className="small muted">{t('form.vitalsHint')}</span>
              </summary>
              <VitalFields entry={entry} dispatch={dispatch} errorOf={errorOf} />
            </details>
          </div>
        </fieldset>
        <div className={fields.actions}>
          <Button type="submit" size="md">
            {t('form.submit')}
          </Button>
          <Button
            variant="default"
            size="md"
            onClick={() => {
              dispatch({ type: 'replace', entry: emptyEntry })
              setTried(false)
              setCleared(cleared + 1)
            }}
          >
            {t('form.reset')}
          </Button>
        </div>
      </form>
    </Page>
  )
}

function FaultLine({ fault, entry }: { fault: EntryFault; entry: typeof emptyEntry }) {
  const t = useText()
  const allergy = /^allergy-(\d+)$/.exec(fault.field)
  if (allergy) return `${t('form.substance', { number: Number(allergy[1]) + 1 })}: ${t('form.fault.substance')}`
  if (fault.field === 'indication') return t('form.fault.indication')
  const field = fault.field as NumberField
  const [low, high] = rangeOf(field, entry)
  return `${t(`form.${field}`)}: ${t(`form.fault.${fault.fault}`, { low, high, unit: unitOf(field, entry) })}`
}

