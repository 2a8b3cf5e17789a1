import { Button, NativeSelect } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useDeferredValue, useEffect, useState } from 'react'
import type { Recommendation, RecommendationRequest } from '@cdss/shared/api/types.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { Failure } from '@cdss/shared/view/States.tsx'
import { allergy, measured, noKnownAllergy, subjectOf, withoutAllergies } from '../../case/bundle.ts'
import { askOf, replaced, type Case, type Entered } from '../../case/cases.ts'
import { CreatinineUnitField } from '../../case/CreatinineUnitField.tsx'
import { emptyEntry, faultOf, unitOf, type AllergyEntry, type Entry } from '../../case/entry.ts'
import { NumberInput } from '../../case/NumberInput.tsx'
import { ask } from '../../case/recommendation.ts'
import { allergySubstances, reactions, severities } from '../../case/vocabulary.ts'
import { useText, type TextKey } from '../../text.ts'
import { DifferenceList } from './DifferenceList.tsx'
import classes from './WhatIf.module.css'

type Supposed = { creatinine: Entry; allergy: AllergyEntry; severity: string }
const nothing: Supposed = { creatinine: emptyEntry, allergy: { substance: '', reaction: 'anaphylaxis' }, severity: '' }

// Stands among the substances for: none of the allergies of the case.
const noAllergy = 'none'

/**
 * Allergies can be taken away where this page holds them all; what a FHIR server tells of
 * them is read there anew each time.
 */
const hasAllergies = (c: Case): boolean =>
  c.remote === null && [...c.entered, ...(c.bundle?.entry ?? []).map((e) => e.resource)].some((r) => r?.resourceType === 'AllergyIntolerance')

/** The question with what is supposed in it, null while nothing is. */
function supposing(c: Case, s: Supposed, lang: 'de' | 'en', now: Date): RecommendationRequest | null {
  const subject = subjectOf(c)
  const added: Entered[] = []
  if (subject && s.creatinine.creatinine.trim() !== '') {
    const value = faultOf('creatinine', s.creatinine) ? null : measured('creatinine', s.creatinine.creatinine, unitOf('creatinine', s.creatinine), subject, now)
    if (!value) return null
    added.push(value)
  }
  if (subject && s.allergy.substance === noAllergy) {
    added.push(noKnownAllergy(subject, now))
    const entered = c.entered.filter((r) => r.resourceType !== 'AllergyIntolerance')
    c = { ...c, bundle: c.bundle && withoutAllergies(c.bundle), entered }
  } else if (subject && s.allergy.substance) added.push(allergy(s.allergy, 98, subject, now))
  if (added.length === 0 && s.severity === '') return null
  return askOf({ ...c, entered: replaced(c.entered, added), request: s.severity ? { ...c.request, severity: s.severity } : c.request }, lang)
}

/**
 * What would change with another creatinine, another allergy, another severity. It is
 * computed beside the case, shown as a difference only, and never becomes the case.
 */
export function WhatIf({ case: c, recommendation: r }: { case: Case; recommendation: Recommendation }) {
  const t = useText()
  const lang = useLang()
  const [supposed, setSupposed] = useState(nothing)
  const [now] = useState(() => new Date())
  const settled = useSettled(supposed)
  const body = supposing(c, settled, lang, now)
  const answer = useQuery({
    queryKey: ['what-if', c.id, c.revision, lang, JSON.stringify(settled)],
    queryFn: ({ signal }) => (body ? ask(body, `what-if ${c.id}`, signal, () => undefined) : Promise.reject(new Error('nothing supposed'))),
    enabled: body !== null,
    staleTime: Infinity,
    gcTime: 0,
    retry: false,
  })
  const canEnter = subjectOf(c) !== null
  return (
    <details className={classes.box}>
      <summary>
        <strong>{t('whatIf.title')}</strong> <span className="small muted">{t('whatIf.hint')}</span>
      </summary>
      <div className="stack">
        <div className={classes.fields}>
          {canEnter && (
            <>
              <div className={classes.pair}>
                <NumberInput
                  field="creatinine"
                  label={t('form.creatinine')}
                  entry={supposed.creatinine}
                  change={(creatinine) => setSupposed({ ...supposed, creatinine: { ...supposed.creatinine, creatinine } })}
                  bare
                />
                <CreatinineUnitField
                  unit={supposed.creatinine.creatinineUnit}
                  change={(creatinineUnit) => setSupposed({ ...supposed, creatinine: { ...supposed.creatinine, creatinineUnit } })}
                />
              </div>
              <NativeSelect
                label={t('whatIf.allergy')}
                value={supposed.allergy.substance}
                onChange={(e) => setSupposed({ ...supposed, allergy: { ...supposed.allergy, substance: e.currentTarget.value } })}
                data={[
                  { value: '', label: t('whatIf.unchanged') },
                  ...(hasAllergies(c) ? [{ value: noAllergy, label: t('whatIf.noAllergy') }] : []),
                  ...allergySubstances.map(({ code }) => ({ value: code, label: t(`substances.${code}` as TextKey) })),
                ]}
              />
              {supposed.allergy.substance !== '' && supposed.allergy.substance !== noAllergy && (
                <NativeSelect
                  label={t('whatIf.reaction')}
                  value={supposed.allergy.reaction}
                  onChange={(e) =>
                    setSupposed({ ...supposed, allergy: { ...supposed.allergy, reaction: e.currentTarget.value as AllergyEntry['reaction'] } })
                  }
                  data={reactions.map((value) => ({ value, label: t(`reactions.${value}`) }))}
                />
              )}
            </>
          )}
          <NativeSelect
            label={t('request.severity')}
            value={supposed.severity}
            onChange={(e) => setSupposed({ ...supposed, severity: e.currentTarget.value })}
            data={[{ value: '', label: t('whatIf.unchanged') }, ...severities.map((value) => ({ value, label: t(`request.${value}`) }))]}
          />
        </div>
        {body !== null && (
          <section className={classes.outcome} aria-label={t('whatIf.outcome')} aria-busy={answer.isFetching}>
            <p className="small">
              <strong>{t('whatIf.supposed')}</strong>
            </p>
            {answer.isError && <Failure error={answer.error} onRetry={() => void answer.refetch()} />}
            {answer.isPending && <p role="status">{t('whatIf.computing')}</p>}
            {answer.data && !answer.isError && (
              <div role="status">
                <DifferenceList before={r} after={answer.data} />
              </div>
            )}
            <div>
              <Button variant="default" size="xs" onClick={() => setSupposed(nothing)}>
                {t('whatIf.reset')}
              </Button>
            </div>
          </section>
        )}
      </div>
    </details>
  )
}

/** The value once nobody has typed for a moment. */
function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value)
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), 250)
    return () => clearTimeout(timer)
  }, [value])
  return useDeferredValue(settled)
}
