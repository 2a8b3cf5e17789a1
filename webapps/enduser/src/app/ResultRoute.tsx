import { useParams } from '@tanstack/react-router'
import { ResultPage } from '../features/result/ResultPage.tsx'

export function ResultRoute() {
  const { id } = useParams({ from: '/case/$id' })
  return <ResultPage id={id} />
}
