import { Button } from '@mantine/core'
import { IconCalendarEvent, IconCode, IconDeviceFloppy, IconPrinter } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { Recommendation } from '@cdss/shared/api/types.ts'
import { useMay } from '@cdss/shared/session/session.ts'
import { subjectOf } from '../../../case/bundle.ts'
import type { Case } from '../../../case/cases.ts'
import { useText } from '../../../text.ts'
import { CopyButton } from '../CopyButton.tsx'
import { reviewEvent } from './calendar.ts'
import { proposals } from './plan.ts'
import { SaveForm } from './SaveForm.tsx'

/** What leaves the page after the decision: paper, text, FHIR, a date, a saved case. */
export function Actions({ case: c, recommendation: r }: { case: Case; recommendation: Recommendation }) {
  const t = useText()
  const may = useMay()
  const [saving, setSaving] = useState(false)
  const file = (name: string, type: string, text: string) => {
    const url = URL.createObjectURL(new Blob([text], { type }))
    const link = document.createElement('a')
    link.href = url
    link.download = name
    link.click()
    setTimeout(() => URL.revokeObjectURL(url), 10_000)
  }
  const id = r.id.slice(0, 8)
  return (
    <div className="stack-tight">
      <div className="row">
        <Button
          variant="default"
          leftSection={<IconPrinter size={18} aria-hidden="true" />}
          renderRoot={(props) => <Link {...props} to="/case/$id/print" params={{ id: c.id }} />}
        >
          {t('result.print')}
        </Button>
        <CopyButton recommendation={r} />
        {r.options.length > 0 && (
          <>
            <Button
              variant="default"
              leftSection={<IconCode size={18} aria-hidden="true" />}
              onClick={() => file(`careplan-${id}.json`, 'application/fhir+json', JSON.stringify(proposals(r, subjectOf(c)), null, 2))}
            >
              {t('actions.fhir')}
            </Button>
            <Button
              variant="default"
              leftSection={<IconCalendarEvent size={18} aria-hidden="true" />}
              onClick={() =>
                file(`review-${id}.ics`, 'text/calendar', reviewEvent(r.id, new Date(r.createdAt), t('actions.reviewTitle'), t('actions.reviewText')))
              }
            >
              {t('actions.calendar')}
            </Button>
          </>
        )}
        {may('cases:write') && !c.frozen && (
          <Button
            variant="default"
            aria-expanded={saving}
            leftSection={<IconDeviceFloppy size={18} aria-hidden="true" />}
            onClick={() => setSaving(!saving)}
          >
            {t('actions.save')}
          </Button>
        )}
      </div>
      {saving && <SaveForm case={c} recommendation={r} />}
    </div>
  )
}
