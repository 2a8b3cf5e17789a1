import type { PlanSource } from '@cdss/shared/api/types.ts'
import { SourceLine } from '@cdss/shared/clinical/SourceLine.tsx'
import { SourcePage } from '@cdss/shared/passage/SourcePage.tsx'
import { Failure, Loading } from '@cdss/shared/view/States.tsx'
import { useGuidelines, useSource } from '../../guideline/guidelines.ts'
import { useText } from '../../text.ts'

/** The cited page of a guideline that is loaded, or the plain place where it is not. */
export function SourceBeside({ source }: { source: PlanSource | null }) {
  const t = useText()
  const guidelines = useGuidelines()
  const versions = (guidelines.data?.guidelines ?? []).filter((g) => g.identifier === source?.document)
  // The cited version; otherwise the one in force, which the line above names.
  const loaded =
    versions.find((g) => g.version === source?.version && g.status === 'active') ??
    versions.find((g) => g.version === source?.version) ??
    versions.find((g) => g.status === 'active') ??
    null
  const text = useSource(loaded?.id ?? null)
  const pages = text.data?.pages ?? []
  const page = source?.page == null ? pages[0] : pages.find((p) => p.page === source.page)
  return (
    <div className="stack-tight">
      <h2 id="source">{t('plans.sourcePanel')}</h2>
      {source === null && <p className="muted">{t('plans.sourceHint')}</p>}
      {source && (
        <SourceLine
          source={{
            document: source.document,
            title: loaded?.title ?? '',
            version: loaded?.version || source.version,
            page: source.page,
            section: source.section,
          }}
          expired={loaded?.expired}
          validUntil={loaded?.validUntil}
        />
      )}
      {source && guidelines.data && !loaded && <p className="muted">{t('plans.sourceMissing')}</p>}
      {loaded && text.isPending && <Loading lines={3} />}
      {loaded && text.isError && <Failure error={text.error} onRetry={() => void text.refetch()} />}
      {source && text.data && !page && <p className="muted">{t('plans.pageMissing', { page: source.page ?? '' })}</p>}
      {source && page && <SourcePage text={page.text} lang={loaded?.language} />}
    </div>
  )
}
