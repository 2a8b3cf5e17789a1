import type { Case } from './cases.ts'

const paths = {
  form: '/case/new/form',
  bundle: '/case/new/bundle',
  patients: '/case/new/patients',
  saved: '/saved',
  launch: '/',
  handover: '/',
  example: '/',
} as const

/** Where the data of a case can be changed. */
export const originPath = (c: Pick<Case, 'origin'>) => paths[c.origin]
