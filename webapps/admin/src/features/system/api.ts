import { useQuery } from '@tanstack/react-query'
import { call } from '@cdss/shared/api/call.ts'
import type { Outbound, Tasks } from './types.ts'

/** Background work; asked for again while some of it is not finished. */
export function useTasks() {
  return useQuery({
    queryKey: ['system', 'tasks'],
    queryFn: ({ signal }) => call<Tasks>('/system/tasks', { signal }),
    refetchInterval: (query) => (query.state.data?.tasks.some((task) => task.state === 'queued' || task.state === 'running') ? 2000 : false),
  })
}

export function useOutbound() {
  return useQuery({ queryKey: ['outbound'], queryFn: ({ signal }) => call<Outbound>('/outbound', { signal }) })
}
