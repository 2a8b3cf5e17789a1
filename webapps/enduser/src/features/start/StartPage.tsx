import { useMutation } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { IconBook, IconBraces, IconForms, IconUser, IconUserSearch } from '@tabler/icons-react'
import type { Example } from '@cdss/shared/api/types.ts'
import { SeverityBand } from '@cdss/shared/clinical/SeverityBand.tsx'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { useMay, useOfflineSince } from '@cdss/shared/session/session.ts'
import { Empty, Failure, Loading } from '@cdss/shared/view/States.tsx'
import { openCase } from '../../case/cases.ts'
import { Page } from '@cdss/shared/view/Page.tsx'
import { useStatus } from '@cdss/shared/api/status.ts'
import { useText } from '../../text.ts'
import { fetchExample, useExamples } from './api.ts'
import classes from './StartPage.module.css'

export function StartPage() {
  const t = useText()
  const offline = useOfflineSince() !== undefined
  const status = useStatus(!offline)
  const may = useMay()
  const ask = may('recommendations:ask')
  return (
    <Page title={t('start.title')} lead={t('start.lead')}>
      {status.isError && <Failure error={status.error} onRetry={() => void status.refetch()} />}
      {status.data?.demo && (
        <SeverityBand indicator="info" title={t('start.demoTitle')}>
          <p className="small">{t('start.demoHint')}</p>
        </SeverityBand>
      )}
      {status.data && !status.data.database.ok && <SeverityBand indicator="warning" title={t('start.databaseDown')} />}
      {status.data?.database.ok && status.data.retrieval.guidelines === 0 && (
        <SeverityBand indicator="info" title={t('start.noGuidelines')} />
      )}
      {ask ? (
        <ul className={classes.ways}>
          <li>
            <Link to="/case/new/form" className={`${classes.way} ${classes.primary}`}>
              <IconForms size={26} aria-hidden="true" />
              <span>
                <span className={classes.name}>{t('start.form')}</span>
                <span className="small">{t('start.formHint')}</span>
              </span>
            </Link>
          </li>
          <li>
            <Link to="/case/new/bundle" className={classes.way}>
              <IconBraces size={26} aria-hidden="true" />
              <span>
                <span className={classes.name}>{t('start.bundle')}</span>
                <span className="small muted">{t('start.bundleHint')}</span>
              </span>
            </Link>
          </li>
          {may('patients:search') && (
            <li>
              <Link to="/case/new/patients" className={classes.way}>
                <IconUserSearch size={26} aria-hidden="true" />
                <span>
                  <span className={classes.name}>{t('start.patients')}</span>
                  <span className="small muted">{t('start.patientsHint')}</span>
                </span>
              </Link>
            </li>
          )}
          {may('evidence:read') && (
            <li>
              <Link to="/guidelines" className={classes.way}>
                <IconBook size={26} aria-hidden="true" />
                <span>
                  <span className={classes.name}>{t('start.guidelines')}</span>
                  <span className="small muted">{t('start.guidelinesHint')}</span>
                </span>
              </Link>
            </li>
          )}
        </ul>
      ) : offline ? null : (
        <Empty title={t('start.noAsking')}>
          <p>{t('start.noAskingHint')}</p>
          <p>
            <a href="/admin/">{t('nav.admin')}</a>
          </p>
        </Empty>
      )}
      {ask && status.data?.demo && <ExampleList />}
    </Page>
  )
}

function ExampleList() {
  const t = useText()
  const lang = useLang()
  const navigate = useNavigate()
  const examples = useExamples(true)
  const open = useMutation({
    mutationFn: async (example: Example) => ({ example, bundle: await fetchExample(example.id) }),
    onSuccess: ({ example, bundle }) => {
      const id = openCase({ origin: 'example', example: example.id, bundle, request: example.request ?? {} })
      void navigate({ to: '/case/$id/review', params: { id } })
    },
  })
  return (
    <section className="stack" aria-labelledby="examples">
      <div>
        <h2 id="examples">{t('start.examples')}</h2>
        <p className="muted small">{t('start.examplesHint')}</p>
      </div>
      {examples.isPending && <Loading lines={3} />}
      {examples.isError && <Failure error={examples.error} onRetry={() => void examples.refetch()} />}
      {open.isError && <Failure error={open.error} onRetry={() => open.variables && open.mutate(open.variables)} />}
      {examples.data?.examples.length === 0 && <Empty title={t('start.noExamples')} />}
      {examples.data && examples.data.examples.length > 0 && (
        <ul className={classes.examples}>
          {examples.data.examples.map((example) => (
            <li key={example.id}>
              <button
                type="button"
                className={classes.way}
                disabled={open.isPending}
                onClick={() => open.mutate(example)}
              >
                <IconUser size={22} aria-hidden="true" />
                <span>
                  <span className={classes.name}>{example[lang]}</span>
                  <span className={classes.demo}>{t('start.demo')}</span>
                </span>
              </button>
            </li>
          ))}
        </ul>
      )}
      <p role="status" className="visually-hidden">
        {open.isPending && open.variables ? t('start.opening', { name: open.variables[lang] }) : ''}
      </p>
    </section>
  )
}
