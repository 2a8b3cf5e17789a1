// How an expression in FHIRPath can go on: the facts behind "%", and the functions
// that conditions use behind a dot.

import { facts } from './facts.ts'

export type Offered = { text: string; type?: string | undefined }

const functions = ['exists()', 'exists(', 'empty()', 'not()', 'where(', 'select(', 'all(', 'count()', 'first()', 'startsWith(', 'contains(', 'matches(', 'ofType(', 'memberOf(']

export function complete(before: string, lang: 'de' | 'en'): { typed: string; list: Offered[] } {
  const fact = /%([A-Za-z0-9]*)$/.exec(before)
  if (fact) {
    const begun = (fact[1] ?? '').toLowerCase()
    const list = facts
      .filter((f) => f.name.toLowerCase().startsWith(begun) || f[lang].toLowerCase().startsWith(begun))
      .slice(0, 12)
      .map((f) => ({ text: `%${f.name}`, type: f[lang] }))
    return { typed: fact[0], list }
  }
  const call = /\.([A-Za-z]*)$/.exec(before)
  if (!call || /\d\.$/.test(before)) return { typed: '', list: [] }
  const begun = (call[1] ?? '').toLowerCase()
  return { typed: call[1] ?? '', list: functions.filter((f) => f.toLowerCase().startsWith(begun)).map((text) => ({ text })) }
}
