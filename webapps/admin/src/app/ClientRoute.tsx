import { useParams } from '@tanstack/react-router'
import { ClientPage } from '../features/clients/ClientPage.tsx'

export function ClientRoute() {
  const { name } = useParams({ from: '/system/clients/$name' })
  return <ClientPage key={name} name={name} />
}

export const NewClientRoute = () => <ClientPage name={null} />
