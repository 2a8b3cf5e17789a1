import { useParams } from '@tanstack/react-router'
import { ReaderPage } from './ReaderPage.tsx'

export function ReaderRoute() {
  const { id, sheet } = useParams({ from: '/guidelines/$id/p/$sheet' })
  return <ReaderPage key={id} id={id} sheet={Math.max(1, Number.parseInt(sheet, 10) || 1)} />
}
