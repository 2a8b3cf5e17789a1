import { useParams } from '@tanstack/react-router'
import { RulePage } from '../features/rules/RulePage.tsx'

export function RuleRoute() {
  const { type, id } = useParams({ from: '/rules/$type/$id' })
  return <RulePage key={`${type}/${id}`} type={type} id={id} />
}
