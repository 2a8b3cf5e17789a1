import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { call } from '@cdss/shared/api/call.ts'
import { clientOf, serverOf } from './registrations.ts'
import type { ClientBodies, ClientBody, ServerBodies, ServerBody } from './types.ts'

// What several screens know of registrations.

export function useClients() {
  return useQuery({
    queryKey: ['system', 'clients'],
    queryFn: ({ signal }) => call<ClientBodies>('/system/clients', { signal }),
    select: (data) => data.clients.map(clientOf),
  })
}

export function useServers() {
  return useQuery({
    queryKey: ['system', 'servers'],
    queryFn: ({ signal }) => call<ServerBodies>('/system/servers', { signal }),
    select: (data) => data.servers.map(serverOf),
  })
}

type Kind = 'clients' | 'servers'

/** Adds a registration or replaces one. */
export function useRegister(kind: Kind) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ body, replace }: { body: ClientBody | ServerBody; replace: boolean }) =>
      replace
        ? call<undefined>(`/system/${kind}/${encodeURIComponent(body.name)}`, { method: 'PUT', body })
        : call<undefined>(`/system/${kind}`, { method: 'POST', body }),
    // A secret is not kept with what was sent.
    gcTime: 0,
    onSuccess: () => client.invalidateQueries({ queryKey: ['system', kind] }),
  })
}

export function useUnregister(kind: Kind) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (name: string) => call<undefined>(`/system/${kind}/${encodeURIComponent(name)}`, { method: 'DELETE' }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['system', kind] }),
  })
}
