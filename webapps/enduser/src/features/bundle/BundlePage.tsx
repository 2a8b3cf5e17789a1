import { Button, FileButton, Textarea } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { IconUpload } from '@tabler/icons-react'
import { useMemo, useRef, useState } from 'react'
import type { StructuredRequest } from '@cdss/shared/api/types.ts'
import { SeverityBand } from '@cdss/shared/clinical/SeverityBand.tsx'
import { formatNumber } from '@cdss/shared/format/number.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { dispatch, openCase, useCases } from '../../case/cases.ts'
import fields from '../../case/fields.module.css'
import { Page } from '@cdss/shared/view/Page.tsx'
import { bundleLimit, readBundle, type BundleFault } from '../../case/read.ts'
import { IndicationField, MoreFields, RiskFields, SeverityField } from '../../case/RequestFields.tsx'
import { useText } from '../../text.ts'
import classes from './BundlePage.module.css'

export function BundlePage() {
  const t = useText()
  const navigate = useNavigate()
  const text = useCases().pasted
  const [request, setRequest] = useState<StructuredRequest>({ maxOptions: 5 })
  const [tried, setTried] = useState(false)
  const [unreadable, setUnreadable] = useState(false)
  const [oversize, setOversize] = useState<number | null>(null)
  const resetFile = useRef<() => void>(null)
  const reading = useMemo(() => readBundle(text), [text])
  const fault = 'fault' in reading ? reading.fault : null
  // An empty field is no fault before it is sent; a wrong one is said at once.
  const shown = fault && (tried || fault.kind !== 'empty') ? fault : null

  const setText = (value: string) => dispatch({ type: 'pasted', text: value })
  const take = (file: File | null) => {
    resetFile.current?.()
    if (!file) return
    setUnreadable(false)
    if (file.size > bundleLimit) {
      // Not read at all: the size says enough.
      setText('')
      setOversize(file.size / 1024 / 1024)
      return
    }
    setOversize(null)
    file.text().then(setText, () => setUnreadable(true))
  }
  const field = { request, change: (patch: StructuredRequest) => setRequest({ ...request, ...patch }) }

  return (
    <Page title={t('bundle.title')} lead={t('bundle.hint')}>
      <form
        className={`stack ${fields.form}`}
        noValidate
        onSubmit={(event) => {
          event.preventDefault()
          setTried(true)
          if ('fault' in reading) {
            document.getElementById('field-bundle')?.focus()
            return
          }
          const id = openCase({ origin: 'bundle', bundle: reading.bundle, request })
          void navigate({ to: '/case/$id/review', params: { id } })
        }}
      >
        <div className={fields.actions}>
          <FileButton onChange={take} accept="application/json,application/fhir+json,.json" resetRef={resetFile}>
            {(props) => (
              <Button {...props} variant="default" leftSection={<IconUpload size={18} aria-hidden="true" />}>
                {t('bundle.upload')}
              </Button>
            )}
          </FileButton>
          {text !== '' && (
            <Button variant="subtle" onClick={() => setText('')}>
              {t('bundle.clear')}
            </Button>
          )}
        </div>
        {unreadable && <SeverityBand indicator="warning" title={t('bundle.fileFailed')} />}
        <Textarea
          id="field-bundle"
          label={t('bundle.paste')}
          value={text}
          onChange={(event) => {
            setOversize(null)
            setText(event.currentTarget.value)
          }}
          error={oversize !== null ? <FaultText fault={{ kind: 'too-large', megabytes: oversize }} /> : shown ? <FaultText fault={shown} /> : undefined}
          classNames={{ input: classes.json }}
          minRows={8}
          maxRows={16}
          rows={10}
          spellCheck={false}
          autoComplete="off"
        />
        {'bundle' in reading && (
          <div role="status">
            <p className="small muted">{t('bundle.read')}</p>
            <ul className={classes.counts}>
              {reading.counts.map(([type, count]) => (
                <li key={type} className="code">
                  {type} × {count}
                </li>
              ))}
            </ul>
          </div>
        )}
        <fieldset className={fields.section}>
          <legend>{t('review.question')}</legend>
          <div className="stack">
            <IndicationField {...field} />
            <SeverityField {...field} />
            <details>
              <summary>{t('request.more')}</summary>
              <div className="stack">
                <RiskFields {...field} />
                <MoreFields {...field} />
              </div>
            </details>
          </div>
        </fieldset>
        <div>
          <Button type="submit" size="md">
            {t('bundle.submit')}
          </Button>
        </div>
      </form>
    </Page>
  )
}

function FaultText({ fault }: { fault: BundleFault }) {
  const t = useText()
  const lang = useLang()
  switch (fault.kind) {
    case 'too-large':
      return t('bundle.fault.too-large', {
        megabytes: formatNumber(fault.megabytes, lang, 1),
        limit: bundleLimit / 1024 / 1024,
      })
    case 'not-json':
      return fault.line === null ? t('bundle.fault.not-json') : t('bundle.fault.not-json-line', { line: fault.line })
    case 'not-bundle':
      return fault.found === '' ? t('bundle.fault.not-bundle-unknown') : t('bundle.fault.not-bundle', { found: fault.found })
    case 'several-patients':
      return t('bundle.fault.several-patients', { count: fault.count })
    default:
      return t(`bundle.fault.${fault.kind}`)
  }
}
