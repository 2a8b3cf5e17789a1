import { useParams } from '@tanstack/react-router'
import { SetPage } from '../features/sets/SetPage.tsx'

export function SetRoute() {
  const { id } = useParams({ from: '/query-sets/$id' })
  return <SetPage key={id} id={id} />
}
