import type { components, paths } from './api.d.ts'
import type * as ours from './types.ts'

// Compiles only while our types have the members that the server states, no more
// and no fewer. It has no code.

export type Stated = components['schemas']
export type Keys<Ours, Theirs> = [keyof Ours] extends [keyof Theirs]
  ? [keyof Theirs] extends [keyof Ours]
    ? true
    : { missing: Exclude<keyof Theirs, keyof Ours> }
  : { unknown: Exclude<keyof Ours, keyof Theirs> }
export type Holds<T extends true[]> = T

export type Contract = Holds<
  [
    Keys<ours.StructuredRequest, Stated['StructuredRequest']>,
    Keys<ours.RecommendationRequest, Stated['RecommendationRequest']>,
    Keys<ours.Recommendation, Stated['Recommendation']>,
    Keys<ours.Fact, Stated['Fact']>,
    Keys<ours.FactInput, Stated['FactInput']>,
    Keys<ours.Option, Stated['Option']>,
    Keys<ours.Ingredient, Stated['Ingredient']>,
    Keys<ours.Dose, Stated['Dose']>,
    Keys<ours.Frequency, Stated['Frequency']>,
    Keys<ours.Duration, Stated['Duration']>,
    Keys<ours.Adjustment, Stated['Adjustment']>,
    Keys<ours.Exclusion, Stated['Exclusion']>,
    Keys<ours.Warning, Stated['Warning']>,
    Keys<ours.NotChecked, Stated['NotChecked']>,
    Keys<ours.Ignored, Stated['Ignored']>,
    Keys<ours.Citation, Stated['Citation']>,
    Keys<ours.Evidence, Stated['Evidence']>,
    Keys<ours.Narrative, Stated['Narrative']>,
    Keys<ours.Indication, Stated['Indication']>,
    Keys<ours.IndicationCategory, Stated['IndicationCategory']>,
    Keys<ours.Example, Stated['Example']>,
    Keys<ours.Status, Stated['Status']>,
    Keys<ours.Guideline, Stated['Guideline']>,
    Keys<ours.Job, Stated['Job']>,
    Keys<ours.Passage, Stated['GuidelinePassage']>,
    Keys<ours.GuidelineSource, Stated['GuidelineSource']>,
    Keys<ours.SourcePage, Stated['GuidelinePage']>,
    Keys<ours.SearchResult, Stated['SearchResponse']>,
    Keys<ours.SearchHit, Stated['SearchResult']>,
    Keys<ours.SearchTerm, Stated['Term']>,
    Keys<ours.PlanSummary, Stated['PlanSummary']>,
    Keys<ours.PlanAction, Stated['PlanAction']>,
    Keys<ours.PlanSource, Stated['PlanSource']>,
    Keys<ours.PlanDetail, Stated['Plan']>,
  ]
>

type Filled<P> = P extends `${infer Before}{${string}}${infer After}` ? `${Before}${string}${Filled<After>}` : P

/** A path below /api that the server has, with its parameters filled in. */
export type Path = Filled<keyof paths> | `${Filled<keyof paths>}?${string}`
