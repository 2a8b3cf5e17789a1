import { de as adminDe } from '../admin/src/texts/de.ts'
import { en as adminEn } from '../admin/src/texts/en.ts'
import { de as enduserDe } from '../enduser/src/texts/de.ts'
import { en as enduserEn } from '../enduser/src/texts/en.ts'
import { de as sharedDe } from '../shared/src/i18n/de.ts'
import { en as sharedEn } from '../shared/src/i18n/en.ts'

/** The words a reader of that language looks for. */
export const texts = {
  de: { app: enduserDe, admin: adminDe, shared: sharedDe },
  en: { app: enduserEn, admin: adminEn, shared: sharedEn },
}

/** A text with its value, as a pattern. */
export const withValue = (text: string, value: string) => new RegExp(text.replace(/\{\{\w+\}\}/, value.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')))
