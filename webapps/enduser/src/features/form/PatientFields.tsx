import { NativeSelect } from '@mantine/core'
import type { Dispatch } from 'react'
import { CreatinineUnitField } from '../../case/CreatinineUnitField.tsx'
import type { Entry, EntryAction } from '../../case/entry.ts'
import fields from '../../case/fields.module.css'
import { NumberInput } from '../../case/NumberInput.tsx'
import { useText } from '../../text.ts'

type Props = { entry: Entry; dispatch: Dispatch<EntryAction>; errorOf?: (field: string) => string | undefined }

function YesNoField({ field, entry, dispatch }: Props & { field: 'pregnancy' | 'dialysis' | 'confusion' }) {
  const t = useText()
  return (
    <NativeSelect
      label={t(`form.${field}`)}
      value={entry[field]}
      onChange={(event) => dispatch({ type: 'set', field, value: event.currentTarget.value })}
      data={[
        { value: '', label: t('form.unknown') },
        { value: 'no', label: t('facts.absent') },
        { value: 'yes', label: t('form.yes') },
      ]}
    />
  )
}

export function PatientFields({ entry, dispatch }: Props) {
  const t = useText()
  const number = (field: 'age' | 'weight' | 'height') => (
    <NumberInput field={field} label={t(`form.${field}`)} entry={entry} change={(value) => dispatch({ type: 'set', field, value })} />
  )
  return (
    <div className={fields.narrow}>
      {number('age')}
      <NativeSelect
        label={t('form.sex')}
        value={entry.sex}
        onChange={(event) => dispatch({ type: 'set', field: 'sex', value: event.currentTarget.value })}
        data={[
          { value: '', label: t('form.sexNone') },
          { value: 'female', label: t('form.female') },
          { value: 'male', label: t('form.male') },
          { value: 'other', label: t('form.other') },
        ]}
      />
      {number('weight')}
      {number('height')}
      <div className={fields.couple}>
        <NumberInput
          field="creatinine"
          label={t('form.creatinine')}
          entry={entry}
          change={(value) => dispatch({ type: 'set', field: 'creatinine', value })}
          bare
        />
        <CreatinineUnitField
          unit={entry.creatinineUnit}
          change={(value) => dispatch({ type: 'set', field: 'creatinineUnit', value })}
        />
      </div>
      <YesNoField field="dialysis" entry={entry} dispatch={dispatch} />
      {entry.sex !== 'male' && <YesNoField field="pregnancy" entry={entry} dispatch={dispatch} />}
    </div>
  )
}

export function VitalFields({ entry, dispatch, errorOf }: Props) {
  const t = useText()
  const number = (field: 'respiratoryRate' | 'systolic' | 'diastolic') => (
    <NumberInput
      field={field}
      label={t(`form.${field}`)}
      entry={entry}
      change={(value) => dispatch({ type: 'set', field, value })}
      error={errorOf?.(field)}
    />
  )
  return (
    <div className={fields.narrow}>
      {number('respiratoryRate')}
      {number('systolic')}
      {number('diastolic')}
      <YesNoField field="confusion" entry={entry} dispatch={dispatch} />
    </div>
  )
}
