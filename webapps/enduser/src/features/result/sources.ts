import type { Citation, Evidence, Recommendation } from '@cdss/shared/api/types.ts'
import { sourceKey } from '@cdss/shared/clinical/source.ts'

export type Source = { key: string; number: number; citation: Citation; evidence: Evidence | null }
export type Supporting = { key: string; number: number; evidence: Evidence }
export type Sources = { cited: Source[]; supporting: Supporting[]; numberOf: (citation: Citation) => number }

/**
 * Numbers the sources in the order a reader meets them: warnings, options, then
 * exclusions; what search found besides comes last. One place has one number.
 */
export function sourcesOf(r: Recommendation): Sources {
  const evidence = new Map(r.evidence.map((e) => [sourceKey(e), e]))
  const cited = new Map<string, Source>()
  const lists = [
    ...r.warnings.map((w) => w.citations),
    ...r.options.map((o) => o.citations),
    ...r.excluded.map((e) => e.citations),
    r.narrative?.citations ?? [],
  ]
  for (const citation of lists.flat()) {
    const key = sourceKey(citation)
    const known = cited.get(key)
    if (!known) cited.set(key, { key, number: cited.size + 1, citation, evidence: evidence.get(key) ?? null })
    // The same place may be cited with and without its words.
    else if (known.citation.quote === null && citation.quote !== null) known.citation = citation
  }
  const supporting = r.evidence
    .filter((e) => !cited.has(sourceKey(e)))
    .map((e, i) => ({ key: `s${i}|${sourceKey(e)}`, number: cited.size + i + 1, evidence: e }))
  return {
    cited: [...cited.values()],
    supporting,
    numberOf: (citation) => cited.get(sourceKey(citation))?.number ?? 0,
  }
}
