import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { formatDate } from '@cdss/shared/format/date.ts'
import { formatNumber } from '@cdss/shared/format/number.ts'
import { Failure, Loading } from '@cdss/shared/view/States.tsx'
import { Page } from '@cdss/shared/view/Page.tsx'
import { useStatus } from '@cdss/shared/api/status.ts'
import { useText } from '../../text.ts'
import classes from './About.module.css'

export function About() {
  const t = useText()
  const lang = useLang()
  const status = useStatus()
  return (
    <Page title={t('about.title')}>
      <section className={classes.section}>
        <h2>{t('about.purposeTitle')}</h2>
        <p>{t('about.purpose1')}</p>
        <p>{t('about.purpose2')}</p>
      </section>
      <section className={classes.section}>
        <h2>{t('about.dataTitle')}</h2>
        <p>{t('about.data')}</p>
      </section>
      <section className={classes.section}>
        <h2>{t('about.stateTitle')}</h2>
        {status.isPending && <Loading lines={2} />}
        {status.isError && <Failure error={status.error} onRetry={() => void status.refetch()} />}
        {status.data && (
          <dl className={classes.list}>
            <dt>{t('about.server')}</dt>
            <dd>{status.data.version}</dd>
            {status.data.knowledge.loadedAt && (
              <>
                <dt>{t('about.knowledge')}</dt>
                <dd>{formatDate(status.data.knowledge.loadedAt, lang)}</dd>
              </>
            )}
            <dt>{t('about.hash')}</dt>
            <dd className="code">{status.data.knowledge.hash.slice(0, 12)}</dd>
            <dt>{t('about.plans')}</dt>
            <dd>{formatNumber(status.data.knowledge.plans, lang)}</dd>
            <dt>{t('about.guidelines')}</dt>
            <dd>{formatNumber(status.data.retrieval.guidelines, lang)}</dd>
            <dt>{t('about.passages')}</dt>
            <dd>{formatNumber(status.data.retrieval.passages, lang)}</dd>
            <dt>{t('about.narrative')}</dt>
            <dd>{t(status.data.ai.narrative ? 'about.on' : 'about.off')}</dd>
            <dt>{t('about.demo')}</dt>
            <dd>{t(status.data.demo ? 'about.on' : 'about.off')}</dd>
          </dl>
        )}
        <p>
          <a href="/docs">{t('about.docs')}</a>
        </p>
      </section>
    </Page>
  )
}
