import { Button } from '@mantine/core'
import { useState } from 'react'
import type { Recommendation } from '@cdss/shared/api/types.ts'
import { measured, subjectOf } from '../../case/bundle.ts'
import { dispatch, type Case } from '../../case/cases.ts'
import { CreatinineUnitField } from '../../case/CreatinineUnitField.tsx'
import { emptyEntry, faultOf, unitOf, type Entry } from '../../case/entry.ts'
import { missingOf } from '../../case/facts.ts'
import { NumberInput } from '../../case/NumberInput.tsx'
import { useText } from '../../text.ts'
import classes from './ReviewPage.module.css'

type Enterable = 'weight' | 'height' | 'creatinine' | 'respiratoryRate'

// Facts that can be typed in right here, by the server's names.
const enterable: Record<string, Enterable> = {
  weight: 'weight',
  height: 'height',
  creatinine: 'creatinine',
  'respiratory-rate': 'respiratoryRate',
}

/** What the checks lack and why it matters, with a field where one number would do. */
export function MissingList({ case: c, recommendation: r }: { case: Case; recommendation: Recommendation }) {
  const t = useText()
  const [entry, setEntry] = useState<Entry>(emptyEntry)
  const missing = missingOf(r)
  const subject = subjectOf(c)
  const open = missing.map((m) => enterable[m.name]).filter((f): f is Enterable => f !== undefined && subject !== null)
  const typed = open.filter((field) => entry[field].trim() !== '')
  const faulty = typed.some((field) => faultOf(field, entry) !== null)
  const others = r.facts.filter((f) => f.state === 'unknown' && !missing.some((m) => m.name === f.name))

  const apply = () => {
    if (subject === null || typed.length === 0 || faulty) return
    const now = new Date()
    const resources = typed
      .map((field) => measured(field, entry[field], unitOf(field, entry), subject, now))
      .filter((o) => o !== null)
    dispatch({ type: 'enter', id: c.id, resources })
    setEntry(emptyEntry)
  }

  return (
    <>
      {missing.length === 0 && <p className="muted">{t('review.missingNone')}</p>}
      {missing.length > 0 && (
        <form
          className="stack"
          noValidate
          onSubmit={(event) => {
            event.preventDefault()
            apply()
          }}
        >
          <ul className={classes.missing}>
            {missing.map((m) => {
              const field = enterable[m.name]
              return (
                <li key={m.name}>
                  <strong>{m.display}</strong>
                  <p className="small muted">
                    {t('review.neededFor', { checks: m.checks.slice(0, 3).join('; ') })}
                    {m.checks.length > 3 && ` ${t('review.neededMore', { count: m.checks.length - 3 })}`}
                  </p>
                  {field && subject !== null && (
                    <div className={classes.inline}>
                      <NumberInput
                        field={field}
                        label={t('review.enter', { name: t(`form.${field}`) })}
                        entry={entry}
                        change={(value) => setEntry({ ...entry, [field]: value })}
                        bare={field === 'creatinine'}
                      />
                      {field === 'creatinine' && (
                        <CreatinineUnitField
                          unit={entry.creatinineUnit}
                          change={(creatinineUnit) => setEntry({ ...entry, creatinineUnit })}
                        />
                      )}
                    </div>
                  )}
                </li>
              )
            })}
          </ul>
          {open.length > 0 && (
            <div>
              <Button type="submit" variant="default" disabled={typed.length === 0 || faulty}>
                {t('review.apply')}
              </Button>
            </div>
          )}
        </form>
      )}
      {others.length > 0 && (
        <p className="small muted">
          {t('review.unusedFacts')}: {others.map((f) => f.display).join(', ')}
        </p>
      )}
    </>
  )
}
