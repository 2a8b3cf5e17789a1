import { Button } from '@mantine/core'
import { IconPrinter } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import type { Recommendation } from '@cdss/shared/api/types.ts'
import { shortSource, sourceKey } from '@cdss/shared/clinical/source.ts'
import { formatDate } from '@cdss/shared/format/date.ts'
import { doseSegments, formatParts, joinOf } from '@cdss/shared/format/dose.ts'
import { useLang, useShared } from '@cdss/shared/i18n/i18n.ts'
import type { Case } from '../../case/cases.ts'
import { contextFacts, formatFact } from '../../case/facts.ts'
import { byGravity } from '../../case/gravity.ts'
import { useStatus } from '@cdss/shared/api/status.ts'
import { WithCase } from '../../case/WithCase.tsx'
import { useText } from '../../text.ts'
import classes from './PrintPage.module.css'
import { usePaperFit } from './usePaperFit.ts'

export function PrintPage({ id }: { id: string }) {
  const t = useText()
  return (
    <WithCase id={id} title={t('print.title')} sheet>
      {(c, r) => <Sheet case={c} recommendation={r} />}
    </WithCase>
  )
}

/** One A4 page that says everything without colour: what, why not, what was not checked, on what it rests, when. */
function Sheet({ case: c, recommendation: r }: { case: Case; recommendation: Recommendation }) {
  const t = useText()
  const shared = useShared()
  const lang = useLang()
  const version = useStatus().data?.version ?? ''
  const sheet = usePaperFit(`${r.id} ${lang} ${version}`)
  const sources = [...new Map(r.options.flatMap((o) => o.citations).map((s) => [sourceKey(s), s])).values()]
  const numberOf = (key: string) => sources.findIndex((s) => sourceKey(s) === key) + 1
  return (
    <>
      <div className="row no-print">
        <Button leftSection={<IconPrinter size={18} aria-hidden="true" />} onClick={() => window.print()}>
          {t('print.print')}
        </Button>
        <Link to="/case/$id" params={{ id: c.id }}>
          {t('print.back')}
        </Link>
      </div>
      <article className={classes.sheet} ref={sheet}>
        {r.banner && <p className={classes.banner}>{r.banner}</p>}
        <h2 className={classes.title}>
          {r.indication?.display ?? t('facts.unknown')}
          {r.severity && `, ${t(`request.${r.severity.value}`)}`}
        </h2>
        <p>
          {contextFacts(r.facts)
            .map((f) => `${f.display}: ${formatFact(f, lang, t)}`)
            .join(' · ')}
        </p>
        {r.warnings.length > 0 && (
          <ul className={classes.warnings}>
            {byGravity(r.warnings).map((w, i) => (
              <li key={i} data-indicator={w.indicator}>
                <strong>{shared(`severity.${w.indicator}`)}:</strong> {w.summary}
              </li>
            ))}
          </ul>
        )}
        <h3>{t('result.options')}</h3>
        {r.options.length === 0 && <p>{r.abstainReason || t('result.noRule')}</p>}
        <ol className={classes.options}>
          {r.options.map((o, n) => (
            <li key={n} value={o.rank}>
              <div>
                {(o.recommended || o.specialistDecision) && (
                  <strong className={classes.tag}>{t(o.recommended ? 'result.recommended' : 'result.specialist')}</strong>
                )}
                {o.aware && ` AWaRe ${shared(`aware.${o.aware}`)}`}
                {o.citations.map((s) => ` [${numberOf(sourceKey(s))}]`).join('')}
              </div>
              {o.ingredients.map((i, k) => {
                const parts = formatParts(i.dose, lang)
                return (
                  <div key={k}>
                    {joinOf(o.ingredients, k) !== 'first' && `${shared(joinOf(o.ingredients, k) === 'then' ? 'dose.then' : 'dose.plus')} `}
                    <strong>{i.name}</strong> <span className={classes.dose}>{doseSegments(i, lang).join(' · ')}</span>
                    {[
                      parts && shared('dose.parts', { parts }),
                      i.loadingDose && `${shared('dose.loading')}: ${i.loadingDose}`,
                      i.infusion && `${shared('dose.infusion')}: ${i.infusion}`,
                      ...i.adjustments.map((a) => `${t(`result.adjustment.${a.kind}`)}: ${a.text}`),
                    ]
                      .filter(Boolean)
                      .map((text, n) => (
                        <div key={n} className={classes.sub}>
                          {text}
                        </div>
                      ))}
                  </div>
                )
              })}
              {o.notes && <div className={classes.sub}>{o.notes}</div>}
            </li>
          ))}
        </ol>
        <div className={classes.columns}>
          {r.excluded.length > 0 && (
            <div>
              <h3>{t('result.excluded')}</h3>
              <ul>
                {r.excluded.map((e, i) => (
                  <li key={i}>
                    {e.name}: {t(`result.reasons.${e.reason}`)}
                  </li>
                ))}
              </ul>
            </div>
          )}
          {r.notChecked.length > 0 && (
            <div>
              <h3>{t('result.notChecked')}</h3>
              <ul>
                {r.notChecked.map((n, i) => (
                  <li key={i}>{n.check}</li>
                ))}
              </ul>
            </div>
          )}
          {sources.length > 0 && (
            <div>
              <h3>{t('print.sources')}</h3>
              <ol>
                {sources.map((s) => (
                  <li key={sourceKey(s)}>
                    {shortSource(s, lang)}
                    {s.version && `, ${shared('citation.version', { version: s.version })}`}
                  </li>
                ))}
              </ol>
            </div>
          )}
        </div>
        <footer className={classes.foot}>
          {r.notes.map((note) => (
            <p key={note}>{note}</p>
          ))}
          <p>{t('print.footer', { date: formatDate(r.createdAt, lang), id: r.id.slice(0, 8), version })}</p>
          {r.knowledge.length > 0 && (
            <p>{t('print.knowledge', { list: r.knowledge.map((k) => `${k.url.split('/').at(-1)} ${k.version}`).join(', ') })}</p>
          )}
          <p>{t('purpose')}</p>
        </footer>
      </article>
    </>
  )
}
