import { useQuery } from '@tanstack/react-query'
import type { PlanDefinition } from 'fhir/r4'
import { NativeSelect } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { State } from '../../system/State.tsx'
import { useText } from '../../text.ts'
import { readExample, trace, useCases, useExamples } from './api.ts'
import type { Explanation } from './types.ts'

/** How a condition or an action came out, by word and icon. */
export function Outcome({ outcome }: { outcome: string }) {
  const t = useText()
  switch (outcome) {
    case 'true':
      return <State is="good">{t('rules.outcome.true')}</State>
    case 'false':
      return <State is="off">{t('rules.outcome.false')}</State>
    case 'error':
      return <State is="bad">{t('rules.outcome.error')}</State>
    case 'assumed':
      return <State is="wait">{t('rules.outcome.assumed')}</State>
    default:
      return <State is="wait">{t('rules.outcome.undetermined')}</State>
  }
}

/** "" nobody, "example:id", or "case:id". */
export type Patient = string

/** Whose data a rule is tried on. */
export function PatientChoice({ url, value, onChange, label }: { url: string; value: Patient; onChange: (patient: Patient) => void; label: string }) {
  const t = useText()
  const lang = useLang()
  const examples = useExamples()
  const cases = useCases(url)
  return (
    <NativeSelect
      label={label}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      data={[
        { value: '', label: t('rules.nobody') },
        { group: t('rules.examples'), items: (examples.data ?? []).map((x) => ({ value: `example:${x.id}`, label: x[lang] })) },
        { group: t('rules.cases'), items: (cases.data ?? []).map((x) => ({ value: `case:${x.id}`, label: x.title || x.id })) },
      ]}
    />
  )
}

/** Tries a rule, as it stands in the form, on a patient. */
export function useTried(plan: PlanDefinition, patient: Patient) {
  const lang = useLang()
  const examples = useExamples()
  // Every letter would be a question of its own.
  const [settled] = useDebouncedValue(plan, 500)
  const [kind, id = ''] = patient.split(':')
  return useQuery({
    queryKey: ['rules', 'trace', patient, lang, settled],
    queryFn: async ({ signal }): Promise<Explanation> => {
      if (kind === 'case') return trace({ artifact: settled, case: id, language: lang }, signal)
      const bundle = await readExample(id)
      const request = examples.data?.find((x) => x.id === id)?.request ?? undefined
      return trace({ artifact: settled, bundle, request, language: lang }, signal)
    },
    enabled: patient !== '' && (kind === 'case' || examples.data !== undefined),
    retry: false,
    gcTime: 60_000,
    placeholderData: (before) => before,
  })
}
