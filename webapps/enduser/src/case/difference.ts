import type { Lang, Option, Recommendation } from '@cdss/shared/api/types.ts'
import { doseSegments } from '@cdss/shared/format/dose.ts'

// What two answers about one patient differ in, as a reader would tell it: options by
// their substances, exclusions and warnings by their words.

export type OptionChange =
  | { kind: 'new' | 'gone'; name: string; option: Option }
  | { kind: 'changed'; name: string; before: Option; after: Option; dose: boolean; rank: boolean; recommended: boolean }

export type Difference = {
  options: OptionChange[]
  excluded: { added: string[]; removed: string[] }
  warnings: { added: string[]; removed: string[] }
  severity: boolean
  knowledge: { url: string; before: string; after: string }[]
}

export const nameOf = (option: Option) => [...new Set(option.ingredients.map((i) => i.name))].join(' + ')
const keyOf = (option: Option) => option.ingredients.map((i) => `${i.atc}/${i.route}`).join('+')
export const linesOf = (option: Option, lang: Lang) => option.ingredients.map((i) => `${i.name} ${doseSegments(i, lang).join(', ')}`).join('; ')

// Member by member: a store may give members in another order.
const plain = (option: Option) =>
  JSON.stringify(
    option.ingredients.map((i) => [
      [i.dose.value, i.dose.unit],
      [i.frequency?.count, i.frequency?.countMax, i.frequency?.period, i.frequency?.periodUnit].map((x) => x ?? null),
      [i.duration?.low, i.duration?.high, i.duration?.unit].map((x) => x ?? null),
      [i.schedule, i.loadingDose, i.infusion].map((x) => x ?? null),
      i.adjustments.map((a) => [a.kind, a.basis, a.text]),
    ]),
  )

export function differenceOf(before: Recommendation, after: Recommendation): Difference {
  const old = new Map(before.options.map((o) => [keyOf(o), o]))
  const now = new Map(after.options.map((o) => [keyOf(o), o]))
  const options: OptionChange[] = []
  for (const [key, option] of now) {
    const was = old.get(key)
    if (!was) {
      options.push({ kind: 'new', name: nameOf(option), option })
      continue
    }
    const change = {
      dose: plain(was) !== plain(option),
      rank: was.rank !== option.rank,
      recommended: was.recommended !== option.recommended,
    }
    if (change.dose || change.rank || change.recommended) {
      options.push({ kind: 'changed', name: nameOf(option), before: was, after: option, ...change })
    }
  }
  for (const [key, option] of old) if (!now.has(key)) options.push({ kind: 'gone', name: nameOf(option), option })
  const versions = new Map(before.knowledge.map((k) => [k.url, k.version]))
  return {
    options,
    excluded: sets(before.excluded.map((e) => e.name), after.excluded.map((e) => e.name)),
    warnings: sets(before.warnings.map((w) => w.summary), after.warnings.map((w) => w.summary)),
    severity: before.severity?.value !== after.severity?.value,
    knowledge: after.knowledge
      .map((k) => ({ url: k.url, before: versions.get(k.url) ?? '', after: k.version }))
      .filter((k) => k.before !== k.after),
  }
}

function sets(before: string[], after: string[]): { added: string[]; removed: string[] } {
  return {
    added: [...new Set(after.filter((x) => !before.includes(x)))],
    removed: [...new Set(before.filter((x) => !after.includes(x)))],
  }
}

export const isEmpty = (d: Difference) =>
  d.options.length === 0 &&
  !d.severity &&
  d.knowledge.length === 0 &&
  [d.excluded, d.warnings].every((s) => s.added.length === 0 && s.removed.length === 0)
