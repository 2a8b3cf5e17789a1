import type { Lang } from '../api/types.ts'
import { useLang, useShared } from '../i18n/i18n.ts'
import { dateText } from './source.ts'

type Props = {
  source: { document: string; title: string; version: string; page: number | null; section: string }
  expired?: boolean
  validUntil?: string | null
}

/** Title, identifier, version, page and section of a source, and whether it still holds. */
export function SourceLine({ source, expired, validUntil }: Props) {
  const t = useShared()
  const lang: Lang = useLang()
  const where = [
    source.title ? source.document : '',
    source.version ? t('citation.version', { version: source.version }) : t('citation.noVersion'),
    source.page === null ? '' : t('citation.page', { page: source.page }),
    source.section,
  ].filter(Boolean)
  const until = dateText(validUntil ?? null, lang)
  return (
    <div>
      <p className="small">
        <strong>{source.title || source.document}</strong>
      </p>
      <p className="small muted">{where.join(' · ')}</p>
      {expired && (
        <p className="small">
          <strong>{until ? t('citation.expiredOn', { date: until }) : t('citation.expired')}</strong>
        </p>
      )}
      {!expired && until && <p className="small muted">{t('citation.validUntil', { date: until })}</p>}
    </div>
  )
}
