import type { Bundle, Observation } from 'fhir/r4'
import type { StructuredRequest } from '@cdss/shared/api/types.ts'
import { useSyncExternalStore } from 'react'
import { withEntered } from './bundle.ts'
import { emptyEntry, type Entry } from './entry.ts'

// Cases live in this page's memory and nowhere else: no URL, title or storage
// ever holds patient data, and closing the page ends them.

export type Origin = 'form' | 'bundle' | 'example'

export type Case = {
  id: string
  origin: Origin
  /** Names an example; never a patient. */
  example: string | null
  bundle: Bundle
  request: StructuredRequest
  entered: Observation[]
  /** Counts changes, so that an answer is tied to the input it was computed from. */
  revision: number
}

export type State = { cases: Record<string, Case>; draft: Entry; pasted: string }

export type CaseAction =
  | { type: 'open'; id: string; origin: Origin; example?: string; bundle: Bundle; request: StructuredRequest }
  | { type: 'enter'; id: string; observations: Observation[] }
  | { type: 'request'; id: string; patch: StructuredRequest }
  | { type: 'draft'; entry: Entry }
  | { type: 'pasted'; text: string }

export const emptyState: State = { cases: {}, draft: emptyEntry, pasted: '' }

export function caseReducer(state: State, action: CaseAction): State {
  switch (action.type) {
    case 'open': {
      const { id, origin, bundle, request } = action
      const opened: Case = { id, origin, example: action.example ?? null, bundle, request, entered: [], revision: 0 }
      return { ...state, cases: { ...state.cases, [id]: opened } }
    }
    case 'enter':
      return change(state, action.id, (c) => {
        const replaced = new Set(action.observations.map((o) => o.id))
        return { ...c, entered: [...c.entered.filter((o) => !replaced.has(o.id)), ...action.observations] }
      })
    case 'request':
      return change(state, action.id, (c) => ({ ...c, request: { ...c.request, ...action.patch } }))
    case 'draft':
      return { ...state, draft: action.entry }
    case 'pasted':
      return { ...state, pasted: action.text }
  }
}

function change(state: State, id: string, edit: (c: Case) => Case): State {
  const found = state.cases[id]
  if (!found) return state
  return { ...state, cases: { ...state.cases, [id]: { ...edit(found), revision: found.revision + 1 } } }
}

/** What is sent for a case: its Bundle with what was typed in on the review page. */
export const bundleToSend = (c: Case) => (c.entered.length > 0 ? withEntered(c.bundle, c.entered) : c.bundle)

/** The request as sent: empty members are left out. */
export function requestToSend(request: StructuredRequest): StructuredRequest | undefined {
  const kept = Object.entries(request).filter(([, value]) => (Array.isArray(value) ? value.length > 0 : value !== undefined && value !== ''))
  return kept.length > 0 ? Object.fromEntries(kept) : undefined
}

let state = emptyState
const listeners = new Set<() => void>()

export function dispatch(action: CaseAction): void {
  state = caseReducer(state, action)
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export function useCases(): State {
  return useSyncExternalStore(subscribe, () => state)
}

/** Opens a case and gives its id, which is random and says nothing about the patient. */
export function openCase(input: { origin: Origin; example?: string; bundle: Bundle; request: StructuredRequest }): string {
  const bytes = crypto.getRandomValues(new Uint8Array(6))
  const id = Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('')
  dispatch({ type: 'open', id, ...input })
  return id
}
