import type { Lang } from '../api/types.ts'

// UCUM codes as clinicians write them. "µg" is easily read as "mg" in
// handwriting and print, so it is written out (ISMP).
const names: Record<string, Partial<Record<Lang, string>> & { any?: string }> = {
  ug: { de: 'Mikrogramm', en: 'micrograms' },
  'ug/kg': { de: 'Mikrogramm/kg', en: 'micrograms/kg' },
  'mg/kg/d': { de: 'mg/kg pro Tag', en: 'mg/kg per day' },
  '10*6.[iU]': { de: 'Mio. I.E.', en: 'million IU' },
  '[iU]': { de: 'I.E.', en: 'IU' },
  'umol/L': { any: 'µmol/L' },
  'mL/min/{1.73_m2}': { any: 'mL/min/1,73 m²', en: 'mL/min/1.73 m²' },
  'm2': { any: 'm²' },
  'kg/m2': { any: 'kg/m²' },
  Cel: { any: '°C' },
  'mm[Hg]': { any: 'mmHg' },
  '10*9/L': { any: '×10⁹/L' },
  '{score}': { any: '' },
  '1': { any: '' },
  a: { de: 'Jahre', en: 'years' },
  d: { de: 'Tage', en: 'days' },
  h: { de: 'h', en: 'h' },
  mo: { de: 'Monate', en: 'months' },
  '/min': { any: '/min' },
}

/** The unit as read by people; a code we do not know is shown as it is. */
export function formatUnit(code: string, lang: Lang): string {
  const name = names[code]
  if (!name) return code
  return name[lang] ?? name.any ?? code
}
