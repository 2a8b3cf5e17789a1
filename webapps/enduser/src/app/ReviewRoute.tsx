import { useParams } from '@tanstack/react-router'
import { ReviewPage } from '../features/review/ReviewPage.tsx'

export function ReviewRoute() {
  const { id } = useParams({ from: '/case/$id/review' })
  return <ReviewPage id={id} />
}
