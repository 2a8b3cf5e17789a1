import { NativeSelect } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { SearchHit } from '@cdss/shared/api/types.ts'
import { SourceLine } from '@cdss/shared/clinical/SourceLine.tsx'
import { formatNumber } from '@cdss/shared/format/number.ts'
import { useLang, useShared } from '@cdss/shared/i18n/i18n.ts'
import { Passage } from '@cdss/shared/passage/Passage.tsx'
import { useText, type TextKey } from '../../text.ts'
import type { Grade } from '../../lab/types.ts'
import classes from './SearchPage.module.css'

const named = new Set(['lexical', 'vector', 'concept', 'heading', 'table', 'duplicate'])
const fields = new Set(['heading', 'text', 'table'])

type Props = {
  hit: SearchHit
  top: number
  /** How well it answers the question, 0 where nobody said. */
  grade: Grade | 0
  onGrade?: (grade: Grade | 0) => void
}

/** One passage found, and all that its place rests on. */
export function Hit({ hit, top, grade, onGrade }: Props) {
  const t = useText()
  const shared = useShared()
  const lang = useLang()
  const parts = Object.entries(hit.parts).sort(([, a], [, b]) => Math.abs(b) - Math.abs(a))
  const largest = Math.max(...parts.map(([, value]) => Math.abs(value)), 0)
  return (
    <article className={classes.hit} aria-label={`${t('search.rank', { rank: hit.rank })}: ${hit.heading || hit.title}`}>
      <div className="row">
        <h3>{t('search.rank', { rank: hit.rank })}</h3>
        <span className="num">{t('search.score', { score: formatNumber(hit.score, lang, 3) })}</span>
        <Bar share={top > 0 ? hit.score / top : 0} />
      </div>
      <SourceLine
        source={{ document: hit.document, title: hit.title, version: hit.version, page: hit.page, section: hit.heading }}
        expired={hit.expired}
        validUntil={hit.validUntil}
      />
      <Passage text={hit.text} lang={hit.language} label={shared('source.table')} />
      <div className={classes.why}>
        {parts.length > 0 && (
          <div>
            <h4 className="small">{t('search.parts')}</h4>
            <dl className={classes.parts}>
              {parts.map(([name, value]) => (
                <Part key={name} name={name} value={value} largest={largest} />
              ))}
            </dl>
          </div>
        )}
        {hit.matched.length > 0 && (
          <div>
            <h4 className="small">{t('search.matched')}</h4>
            <ul className={classes.words}>
              {hit.matched.map((match, i) => (
                <li key={i}>
                  {match.term}{' '}
                  <span className="muted">{fields.has(match.field) ? t(`search.fields.${match.field}` as TextKey) : match.field}</span>
                </li>
              ))}
            </ul>
          </div>
        )}
      </div>
      {onGrade && (
        <NativeSelect
          size="xs"
          maw={260}
          label={t('lab.grade')}
          value={String(grade)}
          onChange={(event) => onGrade(Number(event.currentTarget.value) as Grade | 0)}
          data={(['0', '3', '2', '1'] as const).map((value) => ({ value, label: t(`lab.grades.${value}`) }))}
        />
      )}
      {hit.guideline && (
        <p>
          <Link to="/guidelines/$id" params={{ id: hit.guideline }} search={{ ...(hit.page === null ? {} : { page: hit.page }), passage: hit.passage }}>
            {t('search.open')}
          </Link>
        </p>
      )}
    </article>
  )
}

function Bar({ share }: { share: number }) {
  const width = `${Math.round(Math.min(1, Math.max(0, share)) * 100)}%`
  return (
    <div className={classes.bar} style={{ minWidth: '6rem' }} aria-hidden="true">
      <span style={{ width }} />
    </div>
  )
}

function Part({ name, value, largest }: { name: string; value: number; largest: number }) {
  const t = useText()
  const lang = useLang()
  return (
    <>
      <dt>{named.has(name) ? t(`search.partNames.${name}` as TextKey) : name}</dt>
      <dd className="num">{formatNumber(value, lang, 3)}</dd>
      <dd>
        <Bar share={largest > 0 ? Math.abs(value) / largest : 0} />
      </dd>
    </>
  )
}
