import { useParams } from '@tanstack/react-router'
import { PrintPage } from '../features/print/PrintPage.tsx'

export function PrintRoute() {
  const { id } = useParams({ from: '/case/$id/print' })
  return <PrintPage id={id} />
}
