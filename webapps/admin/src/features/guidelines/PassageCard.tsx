import { Button, Checkbox, Textarea } from '@mantine/core'
import { useState } from 'react'
import type { Guideline, Passage as PassageData } from '@cdss/shared/api/types.ts'
import { useShared } from '@cdss/shared/i18n/i18n.ts'
import { Passage } from '@cdss/shared/passage/Passage.tsx'
import { useMay } from '@cdss/shared/session/session.ts'
import { Failure } from '@cdss/shared/view/States.tsx'
import { useText } from '../../text.ts'
import { useMark } from './api.ts'
import classes from './GuidelinePage.module.css'

type Props = { guideline: Guideline; passage: PassageData; selected: boolean; onShow: () => void }

/** A passage as it is cited, with the curator's note. */
export function PassageCard({ guideline, passage: p, selected, onShow }: Props) {
  const t = useText()
  const shared = useShared()
  const may = useMay()
  const [editing, setEditing] = useState(false)
  return (
    <li className={classes.passage} data-selected={selected || undefined} data-off={p.disabled || undefined}>
      <Where passage={p} />
      {p.disabled && (
        <p className="small">
          <strong>{t('library.disabled')}</strong>
        </p>
      )}
      <Passage text={p.quoted} lang={p.language} label={shared('source.table')} />
      {p.note && !editing && (
        <p className="small">
          {t('library.note')}: {p.note} {p.markedBy && <span className="muted">({p.markedBy})</span>}
        </p>
      )}
      <div className="row">
        <Button size="xs" variant="default" aria-pressed={selected} onClick={onShow}>
          {t('detail.show')}
        </Button>
        {may('evidence:write') && !editing && (
          <Button size="xs" variant="default" onClick={() => setEditing(true)}>
            {t('library.mark')}
          </Button>
        )}
      </div>
      {editing && <Mark guideline={guideline} passage={p} onDone={() => setEditing(false)} />}
    </li>
  )
}

/** Page, kind and headings of a passage. */
export function Where({ passage: p }: { passage: PassageData }) {
  const t = useText()
  const shared = useShared()
  const words = [
    p.page === null ? '' : shared('citation.page', { page: p.pageEnd !== null && p.pageEnd !== p.page ? `${p.page}–${p.pageEnd}` : p.page }),
    t(`detail.kind.${p.kind}`),
    p.section.join(' › '),
  ]
  return <p className="small muted">{words.filter(Boolean).join(' · ')}</p>
}

function Mark({ guideline, passage: p, onDone }: { guideline: Guideline; passage: PassageData; onDone: () => void }) {
  const t = useText()
  const [note, setNote] = useState(p.note)
  const [disabled, setDisabled] = useState(p.disabled)
  const mark = useMark(guideline.id)
  return (
    <form
      className="stack-tight"
      onSubmit={(event) => {
        event.preventDefault()
        mark.mutate({ passage: p.id, disabled, note: note.trim() }, { onSuccess: onDone })
      }}
    >
      <Textarea
        label={t('library.note')}
        description={t('library.noteHint')}
        value={note}
        onChange={(event) => setNote(event.currentTarget.value)}
        maxLength={2000}
        autosize
        minRows={2}
        autoFocus
      />
      <Checkbox label={t('library.disable')} checked={disabled} onChange={(event) => setDisabled(event.currentTarget.checked)} />
      {mark.isError && <Failure error={mark.error} />}
      <div className="row">
        <Button size="xs" type="submit" loading={mark.isPending}>
          {t('library.save')}
        </Button>
        <Button size="xs" variant="default" onClick={onDone}>
          {t('guidelines.cancel')}
        </Button>
      </div>
    </form>
  )
}
