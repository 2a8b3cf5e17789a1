import { Button, FileInput, MultiSelect, NativeSelect, Progress, TextInput } from '@mantine/core'
import { IconUpload } from '@tabler/icons-react'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { upload } from '@cdss/shared/api/call.ts'
import type { Guideline } from '@cdss/shared/api/types.ts'
import { SeverityBand } from '@cdss/shared/clinical/SeverityBand.tsx'
import { formatNumber } from '@cdss/shared/format/number.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import listbox from '@cdss/shared/view/listbox.module.css'
import { Failure } from '@cdss/shared/view/States.tsx'
import { useIndications, working } from '../../guideline/guidelines.ts'
import shapes from '../../guideline/table.module.css'
import { useText } from '../../text.ts'

type Fields = {
  identifier: string
  title: string
  version: string
  publisher: string
  partOf: string
  validUntil: string
  language: string
  indications: string[]
}
const empty: Fields = { identifier: '', title: '', version: '', publisher: '', partOf: '', validUntil: '', language: '', indications: [] }

export function UploadForm() {
  const t = useText()
  const lang = useLang()
  const client = useQueryClient()
  const indications = useIndications()
  const [file, setFile] = useState<File | null>(null)
  const [fields, setFields] = useState<Fields>(empty)
  const [noFile, setNoFile] = useState(false)
  const [sent, setSent] = useState(0)
  const stop = useRef<AbortController | null>(null)
  const send = useMutation({
    mutationFn: (chosen: File) => {
      const form = new FormData()
      for (const [name, value] of Object.entries(fields)) {
        if (Array.isArray(value)) for (const code of value) form.append(name, code)
        else if (value.trim() !== '') form.append(name, value.trim())
      }
      // Fields first: a server that streams knows them when the file comes.
      form.append('file', chosen)
      setSent(0)
      stop.current = new AbortController()
      return upload<Guideline>('/guidelines', form, setSent, stop.current.signal)
    },
    onSuccess: () => {
      setFile(null)
      setFields(empty)
      void client.invalidateQueries({ queryKey: ['guidelines'] })
    },
  })
  const set = (patch: Partial<Fields>) => setFields({ ...fields, ...patch })
  const groups = (indications.data?.categories ?? []).map((c) => ({
    group: c[lang],
    items: c.indications.map((i) => ({ value: i.code, label: i[lang] })),
  }))
  return (
    <section className={`${shapes.panel} stack`} aria-labelledby="upload">
      <h2 id="upload">{t('guidelines.upload')}</h2>
      <form
        className="stack"
        noValidate
        onSubmit={(event) => {
          event.preventDefault()
          setNoFile(file === null)
          if (file) send.mutate(file)
        }}
      >
        <div className={shapes.fields}>
          <FileInput
            label={t('guidelines.file')}
            description={t('guidelines.fileHint')}
            placeholder={t('guidelines.choose')}
            value={file}
            onChange={(chosen) => {
              setFile(chosen)
              setNoFile(false)
              send.reset()
            }}
            error={noFile ? t('guidelines.noFile') : undefined}
            leftSection={<IconUpload size={18} aria-hidden="true" />}
          />
          <TextInput
            label={t('guidelines.identifier')}
            description={t('guidelines.identifierHint')}
            value={fields.identifier}
            onChange={(event) => set({ identifier: event.currentTarget.value })}
          />
          <TextInput label={t('guidelines.name')} value={fields.title} onChange={(event) => set({ title: event.currentTarget.value })} />
          <TextInput label={t('guidelines.version')} value={fields.version} onChange={(event) => set({ version: event.currentTarget.value })} />
          <TextInput label={t('guidelines.publisher')} value={fields.publisher} onChange={(event) => set({ publisher: event.currentTarget.value })} />
          <TextInput
            label={t('guidelines.partOf')}
            description={t('guidelines.partOfHint')}
            value={fields.partOf}
            onChange={(event) => set({ partOf: event.currentTarget.value })}
          />
          <TextInput
            type="date"
            label={t('guidelines.validUntil')}
            value={fields.validUntil}
            onChange={(event) => set({ validUntil: event.currentTarget.value })}
          />
          <NativeSelect
            label={t('guidelines.language')}
            value={fields.language}
            onChange={(event) => set({ language: event.currentTarget.value })}
            data={[
              { value: '', label: t('guidelines.languageAuto') },
              { value: 'de', label: t('guidelines.german') },
              { value: 'en', label: t('guidelines.english') },
            ]}
          />
          <MultiSelect
            label={t('guidelines.indications')}
            placeholder={fields.indications.length === 0 ? t('guidelines.indicationsPlaceholder') : undefined}
            data={groups}
            value={fields.indications}
            onChange={(value) => set({ indications: value })}
            searchable
            nothingFoundMessage={t('guidelines.indicationsNone')}
            comboboxProps={{ withinPortal: false }}
            withScrollArea={false}
            classNames={{ options: listbox.options }}
          />
        </div>
        {send.isPending && (
          <div role="status" className="stack-tight">
            <p className="small">
              {t('guidelines.sending', { name: send.variables.name })} – {formatNumber(sent * 100, lang, 0)}&nbsp;%
            </p>
            <Progress value={sent * 100} aria-label={t('guidelines.sending', { name: send.variables.name })} />
          </div>
        )}
        {send.isError && <Failure error={send.error} />}
        {send.isSuccess && (
          <div role="status">
            <SeverityBand
              indicator="info"
              title={
                working(send.data.job)
                  ? t('guidelines.received', { name: send.data.title || send.data.fileName })
                  : t('guidelines.known')
              }
            />
          </div>
        )}
        <div className="row">
          <Button type="submit" loading={send.isPending}>
            {t('guidelines.send')}
          </Button>
          {send.isPending && (
            <Button variant="default" onClick={() => stop.current?.abort()}>
              {t('guidelines.cancel')}
            </Button>
          )}
        </div>
      </form>
    </section>
  )
}
