import type { SearchResult } from '@cdss/shared/api/types.ts'
import { formatNumber } from '@cdss/shared/format/number.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import shapes from '../guideline/table.module.css'
import { useText } from '../text.ts'
import classes from './Built.module.css'

/** The query as it was really run: its text, the weighted terms and where each came from. */
export function Built({ query }: { query: SearchResult['query'] }) {
  const t = useText()
  const lang = useLang()
  return (
    <section className={`${shapes.panel} stack-tight`} aria-labelledby="built">
      <h2 id="built">{t('search.built')}</h2>
      {query.text && (
        <p>
          <span className="muted">{t('search.builtText')}:</span> {query.text}
        </p>
      )}
      {query.concepts.length > 0 && (
        <p>
          <span className="muted">{t('search.concepts')}:</span> {query.concepts.map((c) => c[lang]).join(', ')}
        </p>
      )}
      {query.terms.length > 0 && (
        <details open={query.terms.length <= 12}>
          <summary>
            {t('search.terms')} ({query.terms.length})
          </summary>
          <table className={classes.terms}>
            <thead>
              <tr>
                <th scope="col" className="small muted">
                  {t('search.term')}
                </th>
                <th scope="col" className="small muted">
                  {t('search.weight')}
                </th>
                <th scope="col" className="small muted">
                  {t('search.origin')}
                </th>
              </tr>
            </thead>
            <tbody>
              {query.terms.map((term, i) => (
                <tr key={i}>
                  <td>{term.term}</td>
                  <td className="num">{formatNumber(term.weight, lang, 2)}</td>
                  <td className="small">{t(`search.origins.${term.origin}`)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </details>
      )}
    </section>
  )
}
