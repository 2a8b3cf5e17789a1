import { textsOf } from '@cdss/shared/i18n/i18n.ts'
import type { de } from './texts/de.ts'

export const useText = textsOf<typeof de>()
export type TextKey = Parameters<ReturnType<typeof useText>>[0]
