import { Button, CloseButton, TextInput } from '@mantine/core'
import type { PlanDefinitionAction } from 'fhir/r4'
import { useState } from 'react'
import type { SearchHit } from '@cdss/shared/api/types.ts'
import { useShared } from '@cdss/shared/i18n/i18n.ts'
import { SourceLine } from '@cdss/shared/clinical/SourceLine.tsx'
import { Passage } from '@cdss/shared/passage/Passage.tsx'
import { Failure, Loading } from '@cdss/shared/view/States.tsx'
import { useGuidelines } from '../../guideline/guidelines.ts'
import { useText } from '../../text.ts'
import { passageHash, useSearch } from './api.ts'
import { citation, justification, sourcesOf } from './model/resource.ts'
import classes from './rules.module.css'

type Props = { action: PlanDefinitionAction; onChange: (action: PlanDefinitionAction) => void; readOnly: boolean }

/** What an action rests on: passages of guidelines that are here, or a justification in words. */
export function Sources({ action, onChange, readOnly }: Props) {
  const t = useText()
  const [words, setWords] = useState('')
  const list = sourcesOf(action)
  const guidelines = useGuidelines()
  const add = (documentation: NonNullable<PlanDefinitionAction['documentation']>) =>
    onChange({ ...action, documentation: [...(action.documentation ?? []), ...documentation] })
  return (
    <div className="stack-tight">
      <h4>{t('rules.sources')}</h4>
      {list.length === 0 && <p className="small">{t('rules.noSource')}</p>}
      <ul className={classes.hits}>
        {list.map(({ at, source }) => (
          <li key={at} className="row">
            {source.document ? (
              <SourceLine
                source={{
                  document: source.document,
                  title: guidelines.data?.guidelines.find((g) => g.identifier === source.document)?.title ?? '',
                  version: source.version,
                  page: source.page,
                  section: source.section,
                }}
              />
            ) : (
              <span>{source.words}</span>
            )}
            {source.hash && <span className="small muted">{t('rules.bound')}</span>}
            {!readOnly && (
              <CloseButton
                aria-label={t('rules.removeOf', { what: source.document || source.words })}
                onClick={() => onChange({ ...action, documentation: action.documentation?.filter((_, i) => i !== at) })}
              />
            )}
          </li>
        ))}
      </ul>
      {!readOnly && (
        <>
          <Find onPick={(hit, hash) => add([citation({ document: hit.document, version: hit.version, page: hit.page, section: hit.heading, hash, words: hit.title, url: '' })])} />
          <details>
            <summary>{t('rules.justify')}</summary>
            <div className="row">
              <TextInput label={t('rules.justification')} value={words} onChange={(event) => setWords(event.currentTarget.value)} />
              <Button
                variant="default"
                mt="auto"
                disabled={words.trim() === ''}
                onClick={() => {
                  add([justification(words.trim())])
                  setWords('')
                }}
              >
                {t('rules.add')}
              </Button>
            </div>
          </details>
        </>
      )}
    </div>
  )
}

/** Searches the guidelines; what is picked is bound by place and by the hash of its text. */
function Find({ onPick }: { onPick: (hit: SearchHit, hash: string) => void }) {
  const t = useText()
  const shared = useShared()
  const search = useSearch()
  const [query, setQuery] = useState('')
  const [fault, setFault] = useState<unknown>(null)
  const [picking, setPicking] = useState('')
  const pick = async (hit: SearchHit) => {
    setPicking(hit.passage)
    setFault(null)
    try {
      onPick(hit, hit.guideline ? await passageHash(hit.guideline, hit.passage, hit.page) : '')
      search.reset()
    } catch (error) {
      setFault(error)
    } finally {
      setPicking('')
    }
  }
  return (
    <div className="stack-tight">
      <form
        className="row"
        onSubmit={(event) => {
          event.preventDefault()
          event.stopPropagation()
          if (query.trim() !== '') search.mutate(query.trim())
        }}
      >
        <TextInput label={t('rules.findPassage')} value={query} onChange={(event) => setQuery(event.currentTarget.value)} style={{ flex: '1 1 16rem' }} />
        <Button type="submit" variant="default" mt="auto" loading={search.isPending}>
          {t('rules.find')}
        </Button>
      </form>
      {search.isPending && <Loading lines={2} />}
      {search.isError && <Failure error={search.error} />}
      {fault !== null && <Failure error={fault} />}
      {search.data && search.data.results.length === 0 && <p className="small">{search.data.reason || t('rules.noPassage')}</p>}
      {search.data && search.data.results.length > 0 && (
        <ol className={classes.hits} aria-label={t('rules.passages')}>
          {search.data.results.map((hit) => (
            <li key={hit.passage} className={classes.hit}>
              <div className="row">
                <SourceLine source={{ document: hit.document, title: hit.title, version: hit.version, page: hit.page, section: hit.heading }} expired={hit.expired} validUntil={hit.validUntil} />
                <Button size="compact-sm" loading={picking === hit.passage} onClick={() => void pick(hit)}>
                  {t('rules.bind')}
                </Button>
              </div>
              <div className={classes.clip} tabIndex={0} role="group" aria-label={hit.heading || hit.title}>
                <Passage text={hit.text} lang={hit.language} label={shared('source.table')} />
              </div>
            </li>
          ))}
        </ol>
      )}
    </div>
  )
}
