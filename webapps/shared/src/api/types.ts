// The JSON of /api. The server's OpenAPI document cannot say everything: it has
// strings where only some words occur, and no null beside an object. So the types
// are written out here; contract.ts holds them to the generated ones.

export type Lang = 'de' | 'en'
export type TextPair = { de: string; en: string }

export type StructuredRequest = {
  indication?: string
  severity?: string
  site?: string
  riskFactors?: string[]
  pathogens?: string[]
  freeText?: string
  maxOptions?: number
}

export type RecommendationRequest = {
  bundle?: unknown
  patient?: string
  server?: string
  request?: StructuredRequest
  language: Lang
  asOf?: string
}

export type Citation = {
  document: string
  title: string
  version: string
  page: number | null
  section: string
  quote: string | null
}

export type Evidence = {
  document: string
  title: string
  version: string
  validUntil: string | null
  expired: boolean
  page: number | null
  section: string
  quote: string
  score: number
}

export type FactValue = number | string | boolean | string[] | null

export type FactInput = { reference: string; display: string; value: FactValue; unit: string; date: string }

export type Fact = {
  name: string
  display: string
  state: 'known' | 'absent' | 'unknown'
  value: FactValue
  low?: number
  high?: number
  unit: string
  formula: string
  source: string
  date?: string
  inputs: FactInput[]
}

export type Amount = { value: number; unit: string }
export type Dose = { value: number; unit: string; parts: Amount[] | null }
export type Frequency = { count: number; countMax?: number; period: number; periodUnit: string }
export type Duration = { low: number; high: number | null; unit: string }
export type Adjustment = { kind: 'renal' | 'weight' | 'hepatic' | 'age' | 'interaction'; basis: string; text: string }

export type Ingredient = {
  atc: string
  name: string
  dose: Dose
  frequency: Frequency
  schedule: string | null
  route: string
  duration: Duration | null
  infusion: string | null
  loadingDose: string | null
  adjustments: Adjustment[]
  text: string
}

export type Aware = 'access' | 'watch' | 'reserve'

export type Option = {
  rank: number
  recommended: boolean
  specialistDecision: boolean
  ingredients: Ingredient[]
  notes: string
  aware: Aware | null
  grade: string
  why: string
  monitoring: string[]
  sideEffects: string[]
  interactions: string[]
  pregnancy: string
  deescalation: string
  citations: Citation[]
  definition: string
}

export type ExclusionReason =
  | 'allergy'
  | 'renal'
  | 'hepatic'
  | 'pregnancy'
  | 'age'
  | 'interaction'
  | 'resistance'
  | 'duplicate'
  | 'restricted'
  | 'other'

export type Exclusion = { atc: string; name: string; reason: ExclusionReason; detail: string; citations: Citation[] }

export type Indicator = 'info' | 'warning' | 'critical'

export type Warning = {
  code: string
  indicator: Indicator
  summary: string
  detail: string
  citations: Citation[]
  orderRef?: string
}

export type NotChecked = { check: string; reason: string; missing: string[] }
export type Ignored = { reference: string; reason: string }

export type SeverityValue = 'mild' | 'moderate' | 'severe' | 'septic'

export type Narrative = { text: string; citations: Citation[]; model: string; label: string }

export type Recommendation = {
  id: string
  createdAt: string
  language: Lang
  knowledge: { url: string; version: string }[]
  indication: { system: string; code: string; display: string; alias: string } | null
  severity: { value: SeverityValue; basis: string } | null
  facts: Fact[]
  options: Option[]
  excluded: Exclusion[]
  warnings: Warning[]
  notChecked: NotChecked[]
  notes: string[]
  ignored: Ignored[]
  evidence: Evidence[]
  narrative: Narrative | null
  abstained: boolean
  abstainReason: string | null
  banner: string | null
  cards: unknown[]
}

export type Indication = { code: string; alias: string; de: string; en: string; regimens: boolean }
export type IndicationCategory = { code: string; de: string; en: string; indications: Indication[] }
export type Indications = { categories: IndicationCategory[] }

export type Example = {
  id: string
  de: string
  en: string
  indication: string
  request: StructuredRequest | null
  /** Draft orders belong to it, which only the hooks check. */
  orders: boolean
}
export type Examples = { examples: Example[] }

export type Status = {
  version: string
  demo: boolean
  auth: 'open' | 'required'
  database: { ok: boolean }
  retrieval: { passages: number; guidelines: number; spaces: number }
  ai: { narrative: boolean; embeddings: string }
  /** withheld counts plans that run in a demonstration only */
  knowledge: { loadedAt: string; hash: string; plans: number; withheld: number }
}

export type Job = {
  state: 'queued' | 'running' | 'done' | 'failed'
  stage: string
  done: number
  total: number
  message: string
  /** The message in German, where there is one. */
  messageDe: string
  /** Code of the message, where it has one. */
  reason: string
}

export type GuidelineStatus = 'draft' | 'active' | 'retired'

export type Guideline = {
  id: string
  identifier: string
  title: string
  version: string
  publisher: string
  language: string
  validUntil: string | null
  expired: boolean
  status: GuidelineStatus
  indications: string[]
  partOf: string
  sameAs: string
  passages: number
  pages: number
  format: string
  fileName: string
  size: number
  sha256: string
  createdAt: string
  approvedAt: string | null
  /** Ids of people; empty when nobody was logged in. */
  approvedBy: string
  uploadedBy: string
  /** Pages that need a look. */
  flagged: number
  /** Read completely: may be approved. */
  complete: boolean
  job: Job | null
}
export type Guidelines = { guidelines: Guideline[] }

/** On a page, in points from its upper left corner. */
export type Box = { x: number; y: number; width: number; height: number }

export type Passage = {
  id: string
  ord: number
  kind: 'text' | 'table' | 'list'
  language: string
  page: number | null
  pageEnd: number | null
  section: string[]
  quoted: string
  sha256: string
  /** Feeds no answer and is not cited. */
  disabled: boolean
  note: string
  markedBy: string
  /** Position of the page in the document, from 1. */
  sheet: number
  /** Where it is printed, where that was asked for. */
  boxes?: Box[]
}
export type Passages = { total: number; passages: Passage[] }
export type SourcePage = { page: number | null; text: string }
export type GuidelineSource = { format: string; pages: SourcePage[] }

export type SearchRequest = { query?: string; request?: StructuredRequest; k?: number; language?: Lang }
export type SearchTerm = { term: string; weight: number; origin: 'query' | 'concept' | 'fact' }
export type SearchHit = {
  rank: number
  document: string
  guideline: string
  passage: string
  title: string
  version: string
  validUntil: string | null
  expired: boolean
  page: number | null
  section: string[]
  heading: string
  text: string
  language: string
  score: number
  parts: Record<string, number>
  matched: { term: string; field: string }[]
}
export type SearchResult = {
  abstained: boolean
  reason: string | null
  reasonCode: 'no-documents' | 'nothing-found' | 'uncertain' | null
  /** Legs of the search that did not run. */
  degraded: string[]
  query: { text: string; terms: SearchTerm[]; concepts: { id: string; de: string; en: string }[] }
  results: SearchHit[]
}

export type PlanSource = { document: string; version: string; page: number | null; section: string }
export type PlanSummary = {
  id: string
  url: string
  version: string
  name: string
  title: string
  description: string
  status: string
  experimental: boolean
  kind: string
  indication: string
  actions: number
  sources: PlanSource[]
}
export type PlanSummaries = { planDefinitions: PlanSummary[] }
export type PlanAction = {
  id: string
  role: string
  title: string
  description: string
  grade: string
  conditions: { expression: string; language: string }[]
  citations: PlanSource[]
  regimen: Ingredient | null
  actions: PlanAction[]
}
export type PlanDetail = {
  resource: unknown
  view: { title: string; description: string; actions: PlanAction[] }
}
