import { Link } from '@tanstack/react-router'
import { useStatus } from '@cdss/shared/api/status.ts'
import { formatDate } from '@cdss/shared/format/date.ts'
import { useLang, useShared } from '@cdss/shared/i18n/i18n.ts'
import { useOfflineSince } from '@cdss/shared/session/session.ts'
import { Page } from '@cdss/shared/view/Page.tsx'
import { Empty, Failure, Loading } from '@cdss/shared/view/States.tsx'
import { useText } from '../../text.ts'
import { useGuidelines } from './api.ts'
import { AskForm } from './AskForm.tsx'
import classes from './Guidelines.module.css'

/** All guidelines that feed answers, and a question to them. */
export function GuidelinesPage() {
  const t = useText()
  const shared = useShared()
  const lang = useLang()
  const guidelines = useGuidelines()
  const offline = useOfflineSince() !== undefined
  const status = useStatus(!offline)
  return (
    <Page title={t('guidelines.title')} lead={t('guidelines.lead')}>
      {!offline && <AskForm />}
      {!offline && (
        <section className="stack-tight" aria-labelledby="house-guideline">
          <h2 id="house-guideline">{t('guidelines.house')}</h2>
          <p>
            <a href={`/api/pocket?language=${lang}`} download>
              {t('guidelines.pocket')}
            </a>{' '}
            <span className="small muted">{t('guidelines.pocketHint')}</span>
            {status.data && (
              <span className="small muted">
                {' '}
                {t('about.hash')} <span className="code">{status.data.knowledge.hash.slice(0, 12)}</span>
              </span>
            )}
          </p>
        </section>
      )}
      <section className="stack-tight" aria-labelledby="all-guidelines">
        <h2 id="all-guidelines">{t('guidelines.all')}</h2>
        {guidelines.isPending && <Loading lines={2} />}
        {guidelines.isError && <Failure error={guidelines.error} onRetry={() => void guidelines.refetch()} />}
        {guidelines.data?.length === 0 && <Empty title={t('guidelines.none')} />}
        <ul className={classes.list}>
          {guidelines.data?.map((g) => (
            <li key={g.id} className={classes.item}>
              <Link to="/guidelines/$id/p/$sheet" params={{ id: g.id, sheet: '1' }} lang={g.language}>
                {g.title}
              </Link>
              <span className="small muted">
                {[
                  g.identifier,
                  g.version ? shared('citation.version', { version: g.version }) : shared('citation.noVersion'),
                  t('guidelines.pages', { count: g.pages }),
                  g.validUntil && !g.expired && shared('citation.validUntil', { date: formatDate(g.validUntil, lang) }),
                ]
                  .filter(Boolean)
                  .join(' · ')}
              </span>
              {g.expired && <strong className="small">{shared('citation.expired')}</strong>}
            </li>
          ))}
        </ul>
      </section>
    </Page>
  )
}
