import { useParams } from '@tanstack/react-router'
import { ServerPage } from '../features/servers/ServerPage.tsx'

export function ServerRoute() {
  const { name } = useParams({ from: '/system/servers/$name' })
  return <ServerPage key={name} name={name} />
}

export const NewServerRoute = () => <ServerPage name={null} />
