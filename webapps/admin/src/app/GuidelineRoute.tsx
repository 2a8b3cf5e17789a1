import { useParams, useSearch } from '@tanstack/react-router'
import { GuidelinePage } from '../features/guidelines/GuidelinePage.tsx'

export function GuidelineRoute() {
  const { id } = useParams({ from: '/guidelines/$id' })
  const { page, passage } = useSearch({ from: '/guidelines/$id' })
  return <GuidelinePage key={id} id={id} page={page ?? null} passage={passage ?? null} />
}
