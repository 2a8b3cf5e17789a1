import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { call } from '@cdss/shared/api/call.ts'
import type { Role } from '@cdss/shared/session/types.ts'
import type { People } from '../../system/types.ts'

const key = ['system', 'people']

export function usePeople() {
  return useQuery({ queryKey: key, queryFn: ({ signal }) => call<People>('/system/people', { signal }) })
}

export type Addition = { name: string; display: string; roles: Role[]; passphrase?: string }
export type Change = { display: string; roles: Role[]; disabled: boolean }

export function useAddPerson() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (body: Addition) => call<undefined>('/system/people', { method: 'POST', body }),
    gcTime: 0,
    onSuccess: () => client.invalidateQueries({ queryKey: key }),
  })
}

export function useChangePerson() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ id, body }: { id: string; body: Change }) => call<undefined>(`/system/people/${encodeURIComponent(id)}`, { method: 'PUT', body }),
    onSuccess: () => client.invalidateQueries({ queryKey: key }),
  })
}

export function useResetPassphrase() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ id, passphrase }: { id: string; passphrase: string }) =>
      call<undefined>(`/system/people/${encodeURIComponent(id)}/passphrase`, { method: 'POST', body: { passphrase } }),
    gcTime: 0,
    onSuccess: () => client.invalidateQueries({ queryKey: key }),
  })
}
