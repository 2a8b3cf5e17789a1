import { Button, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'
import { call } from '@cdss/shared/api/call.ts'
import type { Recommendation } from '@cdss/shared/api/types.ts'
import { formatDate } from '@cdss/shared/format/date.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { Failure } from '@cdss/shared/view/States.tsx'
import { askOf, type Case } from '../../../case/cases.ts'
import fields from '../../../case/fields.module.css'
import { useText } from '../../../text.ts'

/** Keeps the case on the server, for the person who is logged in. */
export function SaveForm({ case: c, recommendation: r }: { case: Case; recommendation: Recommendation }) {
  const t = useText()
  const lang = useLang()
  const client = useQueryClient()
  const [title, setTitle] = useState(() => [r.indication?.display, formatDate(r.createdAt, lang)].filter(Boolean).join(', '))
  const field = useRef<HTMLInputElement>(null)
  // Whoever asked for the form goes on in it, without a mouse as well.
  useEffect(() => field.current?.focus(), [])
  const save = useMutation({
    mutationFn: () => call<{ id: string }>('/cases', { method: 'POST', body: { title: title.trim(), request: askOf(c, lang), recommendation: r } }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['saved'] }),
  })
  if (save.isSuccess) {
    return (
      <p role="status">
        {t('actions.saved')} <Link to="/saved">{t('nav.saved')}</Link>
      </p>
    )
  }
  return (
    <form
      className={`stack-tight ${fields.form}`}
      onSubmit={(event) => {
        event.preventDefault()
        if (title.trim() !== '') save.mutate()
      }}
    >
      <TextInput
        ref={field}
        label={t('actions.title')}
        description={t('actions.titleHint')}
        value={title}
        maxLength={200}
        autoComplete="off"
        onChange={(e) => setTitle(e.currentTarget.value)}
      />
      <div>
        <Button type="submit" size="xs" disabled={title.trim() === ''} loading={save.isPending}>
          {t('actions.save')}
        </Button>
      </div>
      {save.isError && <Failure error={save.error} onRetry={() => save.mutate()} />}
    </form>
  )
}
