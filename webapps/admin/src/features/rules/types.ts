// The JSON of /api/authoring; app/contract.ts holds it to what the server states.
import type { Rule } from './rule.ts'

export type { Rule }
export type State = Rule['state']
export type StepName = 'draft' | 'clone' | 'submit' | 'reject' | 'approve' | 'release' | 'retire'
export type Problem = { artifact: string; location: string; message: string; blocks: boolean }
export type Step = { step: string; type: string; id: string; version: string; versionId: number; person: string; name: string; at: string; note: string }
export type Detail = { rule: Rule; resource: unknown; problems: Problem[]; may: string[]; steps: Step[] }
export type Change = { path: string; kind: 'added' | 'removed' | 'changed'; before: unknown; after: unknown }
export type Difference = { from: { id: string; version: string }; to: { id: string; version: string }; changes: Change[] }

export type CaseSummary = { id: string; title: string; why: string; artifacts: string[]; origin: 'site' | 'shipped' }
export type Deviation = { text: string; expected: string }
export type CaseResult = { id: string; title: string; passed: boolean; differences: Deviation[] }
export type Reach = {
  at: string
  title: { de: string; en: string }
  role: string
  looked: number
  taken: number
  conditions: { expression: string; true: number; false: number; undetermined: number; error: number }[]
}
export type Coverage = { actions: number; conditions: number; never: Reach[]; always: Reach[]; untried: string[]; reached: Reach[] }
export type CaseRun = { artifact: string; passed: number; failed: number; cases: CaseResult[]; coverage: Coverage }

export type TracedValue = {
  name: string
  display: { de: string; en: string }
  value: string
  known: boolean
  unit?: string
  date?: string
  source?: string
  expression?: string
  inputs?: string[]
  reads?: TracedValue[]
}
export type TracedCondition = { expression: string; outcome: string; reads: TracedValue[] }
export type TracedAction = { at: string; role: string; title: { de: string; en: string }; outcome: string; missing: { fact: string; display: { de: string; en: string } }[]; conditions: TracedCondition[] }
export type Explanation = {
  indication: string
  abstainReason: string
  options: string[]
  warnings: string[]
  plans: { url: string; version: string; title: { de: string; en: string }; actions: TracedAction[] }[]
}

export type ExpressionQuestion = {
  language: 'text/fhirpath' | 'text/cql' | 'text/cql-expression' | 'text/cql-identifier'
  text: string
  before?: string
  libraries?: string[]
  library?: unknown
  rule?: { type: string; id: string }
  case?: string
  bundle?: unknown
}
export type ExpressionValue = { name?: string; text: string; type?: string; unknown?: string[] }
export type ExpressionAnswer = {
  problems: { definition?: string; line: number; column: number; message: string }[]
  typed: string
  completions: { text: string; kind: string; type?: string }[]
  value?: ExpressionValue
  reads: ExpressionValue[]
}

export type RuleUse = {
  url: string
  decisions: number
  accepted: number
  modified: number
  overridden: number
  look: boolean
  reasons: { system: string; code: string; display: string; count: number }[]
  weeks: { monday: string; accepted: number; modified: number; overridden: number }[]
}
export type RuleUses = { from: string; to: string; rules: RuleUse[] }
export type DecisionRow = { id: string; at: string; service: string; hook: string; client: string; cards: number; degraded: boolean; rules: string[]; outcome: string }
export type DecisionTrace = {
  id: string
  at: string
  service: string
  hook: string
  client: string
  degraded: boolean
  rules: string[]
  ran: string[]
  skipped: { check: string; missing: string[] }[]
  looked: { plan: string; at: string; outcome: string; conditions: { expression: string; outcome: string; reads: string[] }[] }[]
  answers: { at: string; outcome: string; reason: string; comment: boolean }[]
}
