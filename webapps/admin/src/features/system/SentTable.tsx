import { formatDate } from '@cdss/shared/format/date.ts'
import { formatNumber } from '@cdss/shared/format/number.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import shapes from '../../guideline/table.module.css'
import { useText } from '../../text.ts'
import type { Sent } from './types.ts'

/** What went to online models: when, where to, how much. */
export function SentTable({ requests }: { requests: Sent[] }) {
  const t = useText()
  const lang = useLang()
  return (
    <section className="stack-tight" aria-labelledby="sent">
      <h2 id="sent">{t('system.flow.requests.title')}</h2>
      <p className="small muted">{t('system.flow.requests.lead')}</p>
      <div className="scroll-x" tabIndex={0} role="group" aria-labelledby="sent">
        <table className={shapes.table}>
          <thead>
            <tr>
              <th scope="col">{t('system.flow.requests.when')}</th>
              <th scope="col">{t('system.flow.host')}</th>
              <th scope="col">{t('system.flow.requests.size')}</th>
              <th scope="col">{t('system.flow.requests.answer')}</th>
            </tr>
          </thead>
          <tbody>
            {requests.map((r, i) => (
              <tr key={i}>
                <td className="num nowrap">{formatDate(r.sentAt, lang)}</td>
                <td>
                  <span className="code">{r.host}</span>
                  <div className="small muted">{r.model}</div>
                </td>
                <td className="small">
                  {t('system.flow.requests.bytes', { count: formatNumber(r.bytes, lang) })}
                  <div className="muted code">{r.sha256.slice(0, 16)}…</div>
                </td>
                <td className="num nowrap">{r.status === 0 ? t('system.flow.requests.noAnswer') : `${r.status} · ${formatNumber(r.durationMs, lang)} ms`}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}
