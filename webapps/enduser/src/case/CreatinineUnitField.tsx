import { NativeSelect } from '@mantine/core'
import { useText } from '../text.ts'
import type { CreatinineUnit } from './entry.ts'

export function CreatinineUnitField({ unit, change }: { unit: CreatinineUnit; change: (unit: CreatinineUnit) => void }) {
  const t = useText()
  return (
    <NativeSelect
      label={t('form.creatinineUnit')}
      value={unit}
      onChange={(event) => change(event.currentTarget.value as CreatinineUnit)}
      data={[
        { value: 'mg/dL', label: 'mg/dL' },
        { value: 'umol/L', label: 'µmol/L' },
      ]}
    />
  )
}
