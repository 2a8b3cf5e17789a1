import { Button, TextInput } from '@mantine/core'
import { IconCheck, IconPencil, IconX } from '@tabler/icons-react'
import { useState } from 'react'
import type { Option, Recommendation } from '@cdss/shared/api/types.ts'
import { useMay } from '@cdss/shared/session/session.ts'
import { Failure } from '@cdss/shared/view/States.tsx'
import { nameOf } from '../../../case/difference.ts'
import { useText } from '../../../text.ts'
import { mayDecide, reasons, useDecision, type Outcome } from './decision.ts'
import classes from './DecisionBar.module.css'

/** Accept, modify or override in at most two clicks; a comment is never asked for. */
export function DecisionBar({ recommendation: r, option }: { recommendation: Recommendation; option: Option }) {
  const t = useText()
  const may = useMay()
  const { decided, send } = useDecision(r)
  const [open, setOpen] = useState<'modified' | 'overridden' | null>(null)
  const [comment, setComment] = useState('')
  if (!may('recommendations:answer')) return null
  if (!mayDecide(r)) return <p className="small muted">{t('decision.example')}</p>
  if (decided) return null
  // Which option it is about: the substances, never anything of the patient.
  const about = (text: string) => [nameOf(option), text.trim()].filter(Boolean).join(': ')
  const toggle = (which: 'modified' | 'overridden') => setOpen(open === which ? null : which)
  return (
    <div className={classes.bar}>
      <div className="row">
        <Button
          size="xs"
          data-action="accept"
          leftSection={<IconCheck size={16} aria-hidden="true" />}
          disabled={send.isPending}
          onClick={() => send.mutate({ outcome: 'accepted', comment: about('') })}
        >
          {t('decision.accept')}
        </Button>
        <Button
          size="xs"
          variant="default"
          aria-expanded={open === 'modified'}
          leftSection={<IconPencil size={16} aria-hidden="true" />}
          onClick={() => toggle('modified')}
        >
          {t('decision.modify')}
        </Button>
        <Button
          size="xs"
          variant="default"
          data-action="override"
          aria-expanded={open === 'overridden'}
          leftSection={<IconX size={16} aria-hidden="true" />}
          onClick={() => toggle('overridden')}
        >
          {t('decision.override')}
        </Button>
      </div>
      {open && (
        <div className={classes.more} role="group" aria-label={t(open === 'modified' ? 'decision.modify' : 'decision.reason')}>
          {open === 'modified' ? (
            <Button size="xs" disabled={send.isPending} onClick={() => send.mutate({ outcome: 'modified', comment: about(comment) })}>
              {t('decision.modified')}
            </Button>
          ) : (
            <ul className={classes.reasons}>
              {reasons.map((reason) => (
                <li key={reason}>
                  <Button
                    size="xs"
                    variant="default"
                    disabled={send.isPending}
                    onClick={() => send.mutate({ outcome: 'overridden', reason, comment: about(comment) })}
                  >
                    {t(`decision.reasons.${reason}`)}
                  </Button>
                </li>
              ))}
            </ul>
          )}
          <TextInput
            label={t('decision.comment')}
            description={t('decision.commentHint')}
            value={comment}
            maxLength={1000}
            autoComplete="off"
            onChange={(e) => setComment(e.currentTarget.value)}
          />
        </div>
      )}
      {send.isError && <Failure error={send.error} onRetry={() => send.variables && send.mutate(send.variables)} />}
    </div>
  )
}

const words: Record<Outcome, 'decision.saidAccepted' | 'decision.saidModified' | 'decision.saidOverridden'> = {
  accepted: 'decision.saidAccepted',
  modified: 'decision.saidModified',
  overridden: 'decision.saidOverridden',
}

/** What was decided, said where it is seen and heard. */
export function Decided({ recommendation: r }: { recommendation: Recommendation }) {
  const t = useText()
  const { decided, again } = useDecision(r)
  return (
    <div role="status">
      {decided && (
        <p className={classes.said}>
          <IconCheck size={18} aria-hidden="true" /> {t(words[decided.outcome])} {decided.comment && <strong>{decided.comment}</strong>}{' '}
          {decided.reason && `(${t(`decision.reasons.${decided.reason}`)})`}{' '}
          <button type="button" className="link" onClick={again}>
            {t('decision.again')}
          </button>
        </p>
      )}
    </div>
  )
}
