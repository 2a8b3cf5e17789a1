import i18next from 'i18next'
import { initReactI18next, useTranslation } from 'react-i18next'
import type { Lang } from '../api/types.ts'
import { de } from './de.ts'
import { en } from './en.ts'

type Tree = { [key: string]: string | Tree }

// Plural forms end in _one and _other; people ask for the name before them.
type Base<K extends string> = K extends `${infer B}_one` | `${infer B}_other` ? B : K

/** The dotted names of all texts of a tree. */
export type Key<T> = {
  [K in keyof T & string]: T[K] extends string ? Base<K> : `${K}.${Key<T[K]>}`
}[keyof T & string]

/** The same tree with any words: what the second language must be. */
export type Same<T> = { [K in keyof T]: T[K] extends string ? string : Same<T[K]> }

export type Translate<T> = (key: Key<T>, values?: Record<string, string | number>) => string

const store = 'cdss-language'

function firstLanguage(): Lang {
  let kept: string | null = null
  try {
    kept = localStorage.getItem(store)
  } catch {
    // Storage may be forbidden; the browser's language serves.
  }
  if (kept === 'de' || kept === 'en') return kept
  return navigator.language.toLowerCase().startsWith('de') ? 'de' : 'en'
}

/** Sets both languages up: the shared texts and the app's own. */
export function startTexts<T extends Tree>(app: { de: T; en: Same<T> }, lang: Lang = firstLanguage()): void {
  void i18next.use(initReactI18next).init({
    lng: lang,
    fallbackLng: 'de',
    initAsync: false,
    resources: { de: { shared: de, app: app.de }, en: { shared: en, app: app.en as Tree } },
    defaultNS: 'app',
    ns: ['shared', 'app'],
    // React escapes what it renders.
    interpolation: { escapeValue: false },
    react: { useSuspense: false },
  })
  document.documentElement.lang = lang
}

export function useLang(): Lang {
  const { i18n } = useTranslation()
  return i18n.language === 'en' ? 'en' : 'de'
}

/** Keeps the language (nothing else is ever stored) and shows it. */
export function setLang(lang: Lang): void {
  try {
    localStorage.setItem(store, lang)
  } catch {
    // It then holds for this page only.
  }
  document.documentElement.lang = lang
  void i18next.changeLanguage(lang)
}

export function useShared(): Translate<typeof de> {
  return useTranslation('shared').t as Translate<typeof de>
}

/** The hook of an app's own texts. */
export function textsOf<T extends Tree>() {
  return function useText(): Translate<T> {
    return useTranslation('app').t as unknown as Translate<T>
  }
}

/** The name of the app that is running, which each app's texts hold under "product". */
export function useAppName(): string {
  return useTranslation('app').t('product')
}
