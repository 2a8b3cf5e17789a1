import { Button, Textarea, TextInput } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useMay } from '@cdss/shared/session/session.ts'
import { Dialog } from '@cdss/shared/view/Dialog.tsx'
import { Failure } from '@cdss/shared/view/States.tsx'
import { Confirm } from '../../system/Confirm.tsx'
import { useText } from '../../text.ts'
import { useRemove, useTake } from './api.ts'
import type { Detail, StepName } from './types.ts'

const order: StepName[] = ['submit', 'approve', 'release', 'reject', 'draft', 'clone', 'retire']

/** The steps that the person who looks may take now, as the server says; each with a note. */
export function Steps({ detail, dirty }: { detail: Detail; dirty: boolean }) {
  const t = useText()
  const may = useMay()
  const navigate = useNavigate()
  const { rule } = detail
  const take = useTake(rule.type, rule.id)
  const remove = useRemove(rule.type, rule.id)
  const [step, setStep] = useState<StepName | null>(null)
  const [note, setNote] = useState('')
  const [version, setVersion] = useState('')
  const [url, setUrl] = useState('')
  const [removing, setRemoving] = useState(false)
  const offered = order.filter((name) => detail.may.includes(name))
  const label = (name: StepName) => t(name === 'release' && rule.state === 'retired' ? 'rules.steps.rollback' : `rules.steps.${name}`)
  const removable = may('rules:write') && rule.origin === 'site' && rule.state === 'draft'
  const run = () => {
    if (!step) return
    const taken = { step, note: note || undefined, version: step === 'draft' ? version || undefined : undefined, url: step === 'clone' ? url : undefined }
    take.mutate(
      { taken, version: rule.versionId || undefined },
      {
        onSuccess: (after) => {
          setStep(null)
          setNote('')
          if (after.rule.id !== rule.id) void navigate({ to: '/rules/$type/$id', params: { type: after.rule.type, id: after.rule.id } })
        },
      },
    )
  }
  if (offered.length === 0 && !removable) return <FourEyes detail={detail} />
  return (
    <>
      <div className="row">
        {offered.map((name, i) => (
          <Button
            key={name}
            variant={i === 0 && name !== 'clone' && name !== 'retire' ? 'filled' : 'default'}
            disabled={dirty}
            onClick={() => {
              take.reset()
              setStep(name)
            }}
          >
            {label(name)}
          </Button>
        ))}
        {removable && (
          <Button variant="default" onClick={() => setRemoving(true)}>
            {t('rules.removeDraft')}
          </Button>
        )}
        {dirty && <span className="small muted">{t('rules.saveFirst')}</span>}
      </div>
      <FourEyes detail={detail} />
      <Dialog open={step !== null} title={step ? label(step) : ''} onClose={() => setStep(null)}>
        <form
          className="stack"
          noValidate
          onSubmit={(event) => {
            event.preventDefault()
            run()
          }}
        >
          {step && <p className="small">{t(`rules.stepHints.${step}`)}</p>}
          {step === 'draft' && <TextInput label={t('rules.newVersion')} description={t('rules.newVersionHint')} value={version} onChange={(event) => setVersion(event.currentTarget.value)} />}
          {step === 'clone' && <TextInput label={t('rules.newUrl')} value={url} onChange={(event) => setUrl(event.currentTarget.value)} />}
          <Textarea label={t('rules.note')} autosize value={note} onChange={(event) => setNote(event.currentTarget.value)} />
          {take.isError && <Failure error={take.error} />}
          <div className="row">
            <Button type="submit" loading={take.isPending} data-autofocus>
              {step ? label(step) : ''}
            </Button>
            <Button variant="default" onClick={() => setStep(null)}>
              {t('system.cancel')}
            </Button>
          </div>
        </form>
      </Dialog>
      <Confirm
        open={removing}
        title={t('rules.removeDraftTitle')}
        confirm={t('rules.removeDraft')}
        busy={remove.isPending}
        error={remove.error}
        onConfirm={() => remove.mutate(undefined, { onSuccess: () => void navigate({ to: '/rules' }) })}
        onClose={() => setRemoving(false)}
      >
        <p>{t('rules.removeDraftHint')}</p>
      </Confirm>
    </>
  )
}

/** Why a step that would be next is not offered to this person. */
function FourEyes({ detail }: { detail: Detail }) {
  const t = useText()
  const may = useMay()
  if (detail.rule.state === 'submitted' && !detail.may.includes('approve')) {
    return <p className="small muted">{t(may('rules:release') ? 'rules.fourEyes' : 'rules.awaitsApprover')}</p>
  }
  if (detail.rule.state === 'approved' && !detail.may.includes('release')) return <p className="small muted">{t('rules.awaitsRelease')}</p>
  return null
}
