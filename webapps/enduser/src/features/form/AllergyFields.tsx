import { ActionIcon, Button, NativeSelect, Radio } from '@mantine/core'
import { IconPlus, IconTrash } from '@tabler/icons-react'
import type { Dispatch } from 'react'
import type { AllergyEntry, Entry, EntryAction } from '../../case/entry.ts'
import fields from '../../case/fields.module.css'
import { allergySubstances, reactions } from '../../case/vocabulary.ts'
import { useText, type TextKey } from '../../text.ts'
import classes from './AllergyFields.module.css'

type Props = { entry: Entry; dispatch: Dispatch<EntryAction>; errorOf: (field: string) => string | undefined }

export function AllergyFields({ entry, dispatch, errorOf }: Props) {
  const t = useText()
  return (
    <div className="stack">
      <Radio.Group
        label={t('form.allergies')}
        value={entry.allergyStatus}
        onChange={(value) => dispatch({ type: 'set', field: 'allergyStatus', value })}
      >
        <div className={fields.choices}>
          <Radio value="" label={t('form.allergyUnknown')} />
          <Radio value="none" label={t('form.allergyNone')} />
          <Radio value="known" label={t('form.allergyKnown')} />
        </div>
      </Radio.Group>
      {entry.allergies.length > 0 && (
        <ul className={classes.list}>
          {entry.allergies.map((allergy, i) => (
            <li key={i}>
              <AllergyRow
                index={i}
                allergy={allergy}
                error={errorOf(`allergy-${i}`)}
                change={(patch) => dispatch({ type: 'setAllergy', index: i, patch })}
                remove={() => dispatch({ type: 'removeAllergy', index: i })}
              />
            </li>
          ))}
        </ul>
      )}
      {entry.allergyStatus === 'known' && (
        <div>
          <Button
            variant="default"
            size="xs"
            leftSection={<IconPlus size={16} aria-hidden="true" />}
            onClick={() => dispatch({ type: 'addAllergy' })}
          >
            {t('form.addAllergy')}
          </Button>
        </div>
      )}
    </div>
  )
}

type RowProps = {
  index: number
  allergy: AllergyEntry
  error: string | undefined
  change: (patch: Partial<AllergyEntry>) => void
  remove: () => void
}

function AllergyRow({ index, allergy, error, change, remove }: RowProps) {
  const t = useText()
  const number = index + 1
  return (
    <div className={classes.row}>
      <NativeSelect
        id={`field-allergy-${index}`}
        label={t('form.substance', { number })}
        value={allergy.substance}
        error={error}
        onChange={(event) => change({ substance: event.currentTarget.value })}
        data={[
          { value: '', label: t('form.chooseSubstance') },
          ...allergySubstances.map(({ code }) => ({ value: code, label: t(`substances.${code}` as TextKey) })),
        ]}
      />
      <NativeSelect
        label={t('form.reaction', { number })}
        value={allergy.reaction}
        onChange={(event) => change({ reaction: event.currentTarget.value as AllergyEntry['reaction'] })}
        data={[{ value: '', label: t('reactions.none') }, ...reactions.map((value) => ({ value, label: t(`reactions.${value}`) }))]}
      />
      <ActionIcon variant="default" size={36} aria-label={t('form.removeAllergy', { number })} onClick={remove}>
        <IconTrash size={18} aria-hidden="true" />
      </ActionIcon>
    </div>
  )
}
