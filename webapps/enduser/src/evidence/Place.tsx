import { lazy, Suspense } from 'react'
import type { Citation } from '@cdss/shared/api/types.ts'
import { Loading } from '@cdss/shared/view/States.tsx'

const PagePlace = lazy(async () => ({ default: (await import('./PagePlace.tsx')).PagePlace }))

/** The page of a citation that has words; others have no place that could be shown. */
export function Place({ citation, quote }: { citation: Pick<Citation, 'document' | 'version'>; quote: string | null }) {
  if (!quote) return null
  return (
    <Suspense fallback={<Loading lines={2} />}>
      <PagePlace document={citation.document} version={citation.version} quote={quote} />
    </Suspense>
  )
}
