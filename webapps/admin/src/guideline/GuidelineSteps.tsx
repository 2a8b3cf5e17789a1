import { Button, Modal } from '@mantine/core'
import { useState } from 'react'
import type { Guideline } from '@cdss/shared/api/types.ts'
import { formatNumber } from '@cdss/shared/format/number.ts'
import { useLang, useShared } from '@cdss/shared/i18n/i18n.ts'
import { useMay, useSession } from '@cdss/shared/session/session.ts'
import { openPerson } from '@cdss/shared/session/types.ts'
import { Failure } from '@cdss/shared/view/States.tsx'
import { useText } from '../text.ts'
import { useStep, type Step } from './guidelines.ts'

type Props = { guideline: Guideline; onDeleted?: () => void }

/** What can be done with a version now. Deleting asks first. */
export function GuidelineSteps({ guideline, onDeleted }: Props) {
  const t = useText()
  const shared = useShared()
  const lang = useLang()
  const may = useMay()
  const step = useStep()
  const [asking, setAsking] = useState(false)
  const title = guideline.title || guideline.fileName
  const busy = step.isPending
  // Two pairs of eyes: whoever brought it in does not approve it.
  const me = useSession().data?.person?.id
  const own = me !== undefined && me !== openPerson && guideline.uploadedBy === me && guideline.status !== 'active'
  const take = (next: Step) =>
    step.mutate(
      { guideline, step: next },
      {
        onSuccess: () => {
          setAsking(false)
          if (next === 'delete') onDeleted?.()
        },
      },
    )
  return (
    <div className="stack-tight">
      <div className="row">
        {may('evidence:release') && guideline.status !== 'active' && (
          <Button
            size="xs"
            disabled={busy || !guideline.complete || own}
            aria-label={t('guidelines.approveOf', { title })}
            onClick={() => take('approve')}
          >
            {t('guidelines.approve')}
          </Button>
        )}
        {may('evidence:release') && guideline.status === 'active' && (
          <Button size="xs" variant="default" disabled={busy} aria-label={t('guidelines.retireOf', { title })} onClick={() => take('retire')}>
            {t('guidelines.retire')}
          </Button>
        )}
        {may('evidence:write') && (
          <Button
            size="xs"
            variant="default"
            disabled={busy}
            aria-label={t('guidelines.deleteOf', { title })}
            onClick={() => {
              step.reset()
              setAsking(true)
            }}
          >
            {t('guidelines.delete')}
          </Button>
        )}
      </div>
      {own && guideline.complete && may('evidence:release') && <p className="small muted">{t('library.secondPerson')}</p>}
      {step.isError && !asking && <Failure error={step.error} />}
      <Modal.Root opened={asking} onClose={() => setAsking(false)} centered>
        <Modal.Overlay />
        <Modal.Content aria-label={t('guidelines.deleteTitle')}>
          <Modal.Header component="div">
            <Modal.Title component="p" fw={650}>
              {t('guidelines.deleteTitle')}
            </Modal.Title>
            <Modal.CloseButton aria-label={shared('view.close')} />
          </Modal.Header>
          <Modal.Body>
            <div className="stack">
              <p>{t('guidelines.deleteBody', { title, passages: formatNumber(guideline.passages, lang) })}</p>
              {step.isError && <Failure error={step.error} />}
              <div className="row">
                <Button variant="default" data-autofocus onClick={() => setAsking(false)}>
                  {t('guidelines.cancel')}
                </Button>
                <Button color="red.9" loading={busy} onClick={() => take('delete')}>
                  {t('guidelines.deleteConfirm')}
                </Button>
              </div>
            </div>
          </Modal.Body>
        </Modal.Content>
      </Modal.Root>
    </div>
  )
}
