import { useInfiniteQuery, useMutation, useQuery } from '@tanstack/react-query'
import { call, callText } from '@cdss/shared/api/call.ts'
import type { AuditFilter, AuditPage, Deeds, Sightings, Verification } from './types.ts'

/** Asked in the body: whose data it is about stands in no address. Each question counts, since it is audited itself. */
export function useEvents(filter: AuditFilter | null, asked: number) {
  return useInfiniteQuery({
    queryKey: ['audit', asked],
    queryFn: ({ pageParam, signal }) =>
      call<AuditPage>('/system/audit/search', { method: 'POST', body: { ...filter, cursor: pageParam || undefined }, signal }),
    initialPageParam: '',
    getNextPageParam: (last) => last.next || undefined,
    enabled: filter !== null,
    gcTime: 0,
    retry: false,
    staleTime: Infinity,
  })
}

// Asked once per question, like the events.
const once = { gcTime: 0, retry: false, staleTime: Infinity }

/** Who saw the data of the patient of a question. */
export function useSaw(filter: AuditFilter | null, asked: number) {
  return useQuery({
    queryKey: ['audit', 'saw', asked],
    queryFn: ({ signal }) =>
      call<Sightings>('/system/audit/saw', { method: 'POST', body: { patient: filter?.patient, from: filter?.from, to: filter?.to }, signal }),
    enabled: filter?.patient !== undefined,
    ...once,
  })
}

/** What the person or system of a question did. */
export function useDid(filter: AuditFilter | null, asked: number) {
  return useQuery({
    queryKey: ['audit', 'did', asked],
    queryFn: ({ signal }) =>
      call<Deeds>('/system/audit/did', { method: 'POST', body: { person: filter?.person, from: filter?.from, to: filter?.to }, signal }),
    enabled: filter?.person !== undefined,
    ...once,
  })
}

export function useVerify() {
  return useMutation({ mutationFn: () => call<Verification>('/system/audit/verify', { method: 'POST' }) })
}

/** Fetches the events of a filter and hands them to the browser as a file. */
export function useExport() {
  return useMutation({
    mutationFn: (filter: AuditFilter) => callText('/system/audit/export', { method: 'POST', body: filter }),
    gcTime: 0,
    onSuccess: (text) => {
      const address = URL.createObjectURL(new Blob([text], { type: 'application/fhir+ndjson' }))
      const link = document.createElement('a')
      link.href = address
      link.download = `audit-${new Date().toISOString().slice(0, 10)}.ndjson`
      link.click()
      URL.revokeObjectURL(address)
    },
  })
}
