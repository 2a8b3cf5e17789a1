import { useParams } from '@tanstack/react-router'
import { PlanPage } from '../features/plans/PlanPage.tsx'

export function PlanRoute() {
  const { id } = useParams({ from: '/plans/$id' })
  return <PlanPage key={id} id={id} />
}
