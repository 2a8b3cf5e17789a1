import type { AllergyIntolerance, Bundle, Observation } from 'fhir/r4'
import type { Lang, Recommendation, RecommendationRequest, StructuredRequest } from '@cdss/shared/api/types.ts'
import { useSyncExternalStore } from 'react'
import { withEntered } from './bundle.ts'
import { emptyEntry, type Entry } from './entry.ts'

// Cases live in this page's memory and nowhere else: no URL, title or storage
// ever holds patient data, and closing the page ends them. A case that was saved
// on the server is opened into it again.

export type Origin = 'form' | 'bundle' | 'example' | 'launch' | 'patients' | 'handover' | 'saved'

/** A patient who is read from a registered FHIR server whenever an answer is computed. */
export type Remote = { server: string; patient: string }

/** Values typed in on a page about the case. */
export type Entered = Observation | AllergyIntolerance

/** A saved answer: how it was shown when it was saved. */
export type Saved = { id: string; title: string; recommendation: Recommendation }

export type Case = {
  id: string
  origin: Origin
  /** Names an example; never a patient. */
  example: string | null
  /** Null where the data come from a server, or where there are none. */
  bundle: Bundle | null
  remote: Remote | null
  /** Resource types that a SMART launch may not read. */
  unreadable: string[]
  request: StructuredRequest
  entered: Entered[]
  saved: Saved | null
  /** The saved answer is shown as it was; nothing is computed before it is asked for. */
  frozen: boolean
  /** Counts changes, so that an answer is tied to the input it was computed from. */
  revision: number
}

export type State = { cases: Record<string, Case>; draft: Entry; pasted: string }

export type Opening = {
  origin: Origin
  request: StructuredRequest
  bundle?: Bundle | null
  example?: string
  remote?: Remote
  unreadable?: string[]
  entered?: Entered[]
  saved?: Saved
}

export type CaseAction =
  | ({ type: 'open'; id: string } & Opening)
  | { type: 'enter'; id: string; resources: Entered[] }
  | { type: 'request'; id: string; patch: StructuredRequest }
  | { type: 'saved'; id: string; saved: Saved | null }
  | { type: 'thaw'; id: string }
  | { type: 'draft'; entry: Entry }
  | { type: 'pasted'; text: string }

export const emptyState: State = { cases: {}, draft: emptyEntry, pasted: '' }

export function caseReducer(state: State, action: CaseAction): State {
  switch (action.type) {
    case 'open': {
      const { id, origin, request } = action
      const opened: Case = {
        id,
        origin,
        request,
        example: action.example ?? null,
        bundle: action.bundle ?? null,
        remote: action.remote ?? null,
        unreadable: action.unreadable ?? [],
        entered: action.entered ?? [],
        saved: action.saved ?? null,
        frozen: action.saved !== undefined,
        revision: 0,
      }
      return { ...state, cases: { ...state.cases, [id]: opened } }
    }
    case 'enter':
      return change(state, action.id, (c) => ({ ...c, entered: replaced(c.entered, action.resources) }))
    case 'request':
      return change(state, action.id, (c) => ({ ...c, request: { ...c.request, ...action.patch } }))
    case 'saved': {
      const found = state.cases[action.id]
      return found ? { ...state, cases: { ...state.cases, [action.id]: { ...found, saved: action.saved } } } : state
    }
    case 'thaw':
      return change(state, action.id, (c) => c)
    case 'draft':
      return { ...state, draft: action.entry }
    case 'pasted':
      return { ...state, pasted: action.text }
  }
}

/** A value typed again replaces the first. */
export function replaced(before: Entered[], added: Entered[]): Entered[] {
  const again = new Set(added.map((o) => o.id))
  return [...before.filter((o) => !again.has(o.id)), ...added]
}

function change(state: State, id: string, edit: (c: Case) => Case): State {
  const found = state.cases[id]
  if (!found) return state
  return { ...state, cases: { ...state.cases, [id]: { ...edit(found), frozen: false, revision: found.revision + 1 } } }
}

/** What is sent for a case: where its data are, with what was typed in, and the question. */
export function askOf(c: Pick<Case, 'bundle' | 'remote' | 'entered' | 'request'>, language: Lang): RecommendationRequest {
  const ask: RecommendationRequest = { language }
  const request = requestToSend(c.request)
  if (c.remote) {
    ask.server = c.remote.server
    ask.patient = c.remote.patient
    if (c.entered.length > 0) ask.bundle = withEntered({ resourceType: 'Bundle', type: 'collection' }, c.entered)
  } else if (c.bundle) {
    ask.bundle = c.entered.length > 0 ? withEntered(c.bundle, c.entered) : c.bundle
  }
  if (request) ask.request = request
  else if (!c.remote && !c.bundle) ask.request = {}
  return ask
}

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
export function openCase(input: Opening): string {
  const bytes = crypto.getRandomValues(new Uint8Array(6))
  const id = Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('')
  dispatch({ type: 'open', id, ...input })
  return id
}
