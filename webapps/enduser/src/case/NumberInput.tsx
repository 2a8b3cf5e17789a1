import { TextInput } from '@mantine/core'
import { formatNumber, parseNumber } from '@cdss/shared/format/number.ts'
import { formatUnit } from '@cdss/shared/format/unit.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { useText } from '../text.ts'
import { faultOf, rangeOf, unitOf, type Entry, type NumberField } from './entry.ts'

/** Molar mass of creatinine, 113.12 g/mol: 1 mg/dL is 88.4 µmol/L. */
const molar = 88.4

type Props = {
  field: NumberField
  label: string
  entry: Entry
  change: (value: string) => void
  /** The unit has a field of its own beside this one. */
  bare?: boolean
  error?: string
}

/**
 * A number as text field: comma and point are taken, what was read is echoed
 * with its unit, and nothing is corrected silently.
 */
export function NumberInput({ field, label, entry, change, bare, error }: Props) {
  const t = useText()
  const lang = useLang()
  const unit = formatUnit(unitOf(field, entry), lang)
  const fault = faultOf(field, entry)
  const { value } = parseNumber(entry[field])
  const [low, high] = rangeOf(field, entry)
  const shown = (n: number, digits?: number) => formatNumber(n, lang, digits)
  let echo: string | undefined
  if (value !== null && !fault) {
    const read = `${shown(value)}\u202f${unit}`
    echo = t('form.understood', { value: read })
    if (field === 'creatinine') {
      const other =
        entry.creatinineUnit === 'mg/dL'
          ? `${shown(value * molar, 0)}\u202fµmol/L`
          : `${shown(value / molar, 2)}\u202fmg/dL`
      echo = t('form.also', { value: read, other })
    }
  }
  const message = fault ? t(`form.fault.${fault}`, { low: shown(low), high: shown(high), unit }) : error
  return (
    <TextInput
      id={`field-${field}`}
      label={bare ? label : `${label} (${unit})`}
      value={entry[field]}
      onChange={(event) => change(event.currentTarget.value)}
      inputMode="decimal"
      autoComplete="off"
      error={message}
      description={echo}
      maxLength={12}
      className="num"
    />
  )
}
