import { Button, CloseButton, NativeSelect, Textarea, TextInput } from '@mantine/core'
import type { Bundle } from 'fhir/r4'
import { useEffect, useState } from 'react'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { Failure } from '@cdss/shared/view/States.tsx'
import shapes from '../../guideline/table.module.css'
import { useText } from '../../text.ts'
import { readCase, readExample, useExamples, useSaveCase } from './api.ts'
import { caseOf, expectedOf, readBundle, wants, withExpected, type Expected, type Want } from './model/case.ts'
import { slug } from './model/resource.ts'
import type { Rule } from './rule.ts'
import classes from './rules.module.css'
import type { CaseSummary } from './types.ts'

const first: Expected = { want: 'says', value: '', indicator: 'info' }
const silent = new Set<Want>(['silent', 'abstains'])

/** A case: a patient, and what is expected of the answer. Of a case that is there the patient stays. */
export function CaseForm({ rule, existing, onDone }: { rule: Rule; existing: CaseSummary | null; onDone: () => void }) {
  const t = useText()
  const lang = useLang()
  const examples = useExamples()
  const save = useSaveCase()
  const [title, setTitle] = useState(existing?.title ?? '')
  const [example, setExample] = useState('')
  const [pasted, setPasted] = useState('')
  const [expected, setExpected] = useState<Expected[]>([first])
  const [bundle, setBundle] = useState<Bundle | null>(null)
  const [asked, setAsked] = useState(false)
  const [fault, setFault] = useState<unknown>(null)
  useEffect(() => {
    if (!existing) return
    let gone = false
    readCase(existing.id).then(
      (read) => {
        if (gone) return
        setBundle(read)
        setExpected(expectedOf(read))
      },
      (error: unknown) => gone || setFault(error),
    )
    return () => {
      gone = true
    }
  }, [existing])

  const own = example === 'paste' ? readBundle(pasted) : null
  const put = (i: number, next: Expected | null) => setExpected(expected.flatMap((old, j) => (j === i ? (next ? [next] : []) : [old])))
  const incomplete = expected.some((e) => !silent.has(e.want) && e.value.trim() === '')
  const submit = async () => {
    setAsked(true)
    setFault(null)
    if (title.trim() === '' || incomplete || expected.length === 0) return
    try {
      if (existing) {
        if (bundle) await save.mutateAsync(withExpected(bundle, expected))
      } else {
        if (example === '' || (example === 'paste' && !own)) return
        const known = examples.data?.find((x) => x.id === example)
        await save.mutateAsync(
          caseOf({
            id: `${slug(title).slice(0, 40)}-${Date.now().toString(36)}`,
            title: title.trim(),
            why: '',
            artifact: rule.url,
            bundle: own ?? (await readExample(example)),
            request: known?.request ?? null,
            expected,
          }),
        )
      }
      onDone()
    } catch (error) {
      setFault(error)
    }
  }
  return (
    <form
      className={`${shapes.panel} stack`}
      noValidate
      aria-label={t(existing ? 'rules.edit' : 'rules.addCase')}
      onSubmit={(event) => {
        event.preventDefault()
        void submit()
      }}
    >
      <div className={shapes.fields}>
        <TextInput
          label={t('rules.caseTitle')}
          value={title}
          readOnly={existing !== null}
          onChange={(event) => setTitle(event.currentTarget.value)}
          error={asked && title.trim() === '' ? t('rules.needTitle') : undefined}
        />
        {!existing && (
          <NativeSelect
            label={t('rules.patient')}
            value={example}
            onChange={(event) => setExample(event.currentTarget.value)}
            error={asked && example === '' ? t('rules.needPatient') : undefined}
            data={[
              { value: '', label: t('rules.choose') },
              { value: 'paste', label: t('rules.paste') },
              { group: t('rules.examples'), items: (examples.data ?? []).map((x) => ({ value: x.id, label: x[lang] })) },
            ]}
          />
        )}
      </div>
      {example === 'paste' && (
        <Textarea
          label={t('rules.bundle')}
          description={t('rules.bundleHint')}
          autosize
          minRows={4}
          maxRows={14}
          spellCheck={false}
          value={pasted}
          onChange={(event) => setPasted(event.currentTarget.value)}
          error={pasted !== '' && !own ? t('rules.noBundle') : asked && !own ? t('rules.needPatient') : undefined}
        />
      )}
      <fieldset className={shapes.group}>
        <legend>{t('rules.expected')}</legend>
        <div className="stack-tight">
          {expected.map((e, i) => (
            <div key={i} className={classes.term}>
              <NativeSelect
                aria-label={t('rules.expected')}
                value={e.want}
                onChange={(event) => put(i, { ...e, want: event.currentTarget.value as Want })}
                data={wants.map((value) => ({ value, label: t(`rules.wants.${value}`) }))}
              />
              {(e.want === 'says' || e.want === 'doesNotSay') && (
                <NativeSelect
                  aria-label={t('rules.severity')}
                  value={e.indicator}
                  onChange={(event) => put(i, { ...e, indicator: event.currentTarget.value as Expected['indicator'] })}
                  data={(['info', 'warning', 'critical'] as const).map((value) => ({ value, label: t(`rules.atLeast.${value}`) }))}
                />
              )}
              {!silent.has(e.want) && (
                <TextInput
                  aria-label={t('rules.wantValue')}
                  placeholder={t(`rules.wantHints.${e.want as Exclude<Want, 'silent' | 'abstains'>}`)}
                  value={e.value}
                  onChange={(event) => put(i, { ...e, value: event.currentTarget.value })}
                  error={asked && e.value.trim() === '' ? t('rules.needValue') : undefined}
                />
              )}
              <CloseButton aria-label={t('rules.removeOf', { what: t(`rules.wants.${e.want}`) })} onClick={() => put(i, null)} />
            </div>
          ))}
          <div>
            <Button size="compact-sm" variant="default" onClick={() => setExpected([...expected, first])}>
              {t('rules.addExpected')}
            </Button>
          </div>
        </div>
      </fieldset>
      {fault !== null && <Failure error={fault} />}
      <div className="row">
        <Button type="submit" loading={save.isPending}>
          {t('rules.saveCase')}
        </Button>
        <Button variant="default" onClick={onDone}>
          {t('system.cancel')}
        </Button>
      </div>
    </form>
  )
}
