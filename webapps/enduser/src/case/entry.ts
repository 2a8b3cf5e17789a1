import { parseNumber } from '@cdss/shared/format/number.ts'
import type { StructuredRequest } from '@cdss/shared/api/types.ts'

// What a person types into the guided form, as typed. Numbers stay text until
// they are read, so that nothing is corrected behind the writer's back.

export type Sex = '' | 'female' | 'male' | 'other'
export type CreatinineUnit = 'mg/dL' | 'umol/L'
export type AllergyStatus = '' | 'none' | 'known'
export type Reaction = 'anaphylaxis' | 'urticaria' | 'rash' | 'severe-skin' | 'gastrointestinal' | 'unknown'
export type AllergyEntry = { substance: string; reaction: Reaction | '' }
export type YesNo = '' | 'yes' | 'no'

export type Entry = {
  request: StructuredRequest
  age: string
  sex: Sex
  weight: string
  height: string
  creatinine: string
  creatinineUnit: CreatinineUnit
  pregnancy: YesNo
  dialysis: YesNo
  respiratoryRate: string
  systolic: string
  diastolic: string
  confusion: YesNo
  allergyStatus: AllergyStatus
  allergies: AllergyEntry[]
  /** Names of current medicines, as typed. */
  medications: string[]
}

export const emptyEntry: Entry = {
  request: { riskFactors: [], pathogens: [], maxOptions: 5 },
  age: '',
  sex: '',
  weight: '',
  height: '',
  creatinine: '',
  creatinineUnit: 'mg/dL',
  pregnancy: '',
  dialysis: '',
  respiratoryRate: '',
  systolic: '',
  diastolic: '',
  confusion: '',
  allergyStatus: '',
  allergies: [],
  medications: [],
}

export type EntryAction =
  | { type: 'set'; field: Exclude<keyof Entry, 'request' | 'allergies' | 'medications'>; value: string }
  | { type: 'request'; patch: StructuredRequest }
  | { type: 'medications'; names: string[] }
  | { type: 'addAllergy' }
  | { type: 'setAllergy'; index: number; patch: Partial<AllergyEntry> }
  | { type: 'removeAllergy'; index: number }
  | { type: 'replace'; entry: Entry }

export function entryReducer(entry: Entry, action: EntryAction): Entry {
  switch (action.type) {
    case 'set': {
      const next = { ...entry, [action.field]: action.value }
      // What is no longer asked must not be sent.
      if (action.field === 'sex' && action.value === 'male') next.pregnancy = ''
      if (action.field === 'allergyStatus') {
        next.allergies = action.value === 'known' ? (entry.allergies.length ? entry.allergies : [{ substance: '', reaction: '' }]) : []
      }
      return next
    }
    case 'request':
      return { ...entry, request: { ...entry.request, ...action.patch } }
    case 'medications':
      return { ...entry, medications: action.names }
    case 'addAllergy':
      return { ...entry, allergies: [...entry.allergies, { substance: '', reaction: '' }] }
    case 'setAllergy':
      return { ...entry, allergies: entry.allergies.map((a, i) => (i === action.index ? { ...a, ...action.patch } : a)) }
    case 'removeAllergy': {
      const allergies = entry.allergies.filter((_, i) => i !== action.index)
      return { ...entry, allergies, allergyStatus: allergies.length === 0 ? '' : entry.allergyStatus }
    }
    case 'replace':
      return action.entry
  }
}

export type NumberField = 'age' | 'weight' | 'height' | 'creatinine' | 'respiratoryRate' | 'systolic' | 'diastolic'

/** UCUM unit of each number; creatinine has the one that was chosen. */
export function unitOf(field: NumberField, entry: Pick<Entry, 'creatinineUnit'>): string {
  if (field === 'creatinine') return entry.creatinineUnit
  const units = { age: 'a', weight: 'kg', height: 'cm', respiratoryRate: '/min', systolic: 'mm[Hg]', diastolic: 'mm[Hg]' }
  return units[field]
}

// Outside of these a value is a slip of the finger or of the unit, not a
// patient. They are wide on purpose: judging plausible values is the server's.
const limits: Record<Exclude<NumberField, 'creatinine'>, [number, number]> = {
  age: [0, 120],
  weight: [1, 400],
  height: [30, 260],
  respiratoryRate: [4, 80],
  systolic: [30, 300],
  diastolic: [10, 200],
}
const creatinineLimits: Record<CreatinineUnit, [number, number]> = { 'mg/dL': [0.1, 25], 'umol/L': [9, 2200] }

export type Fieldfault = 'number' | 'range' | 'unit' | 'whole'

/** What is wrong with a typed number, null when it can be used or is empty. */
export function faultOf(field: NumberField, entry: Entry): Fieldfault | null {
  const parsed = parseNumber(entry[field])
  if (!parsed.valid) return 'number'
  if (parsed.value === null) return null
  if (field === 'age' && !Number.isInteger(parsed.value)) return 'whole'
  if (field === 'creatinine') {
    const inside = (unit: CreatinineUnit) => {
      const [low, high] = creatinineLimits[unit]
      return parsed.value !== null && parsed.value >= low && parsed.value <= high
    }
    if (inside(entry.creatinineUnit)) return null
    return inside(entry.creatinineUnit === 'mg/dL' ? 'umol/L' : 'mg/dL') ? 'unit' : 'range'
  }
  const [low, high] = limits[field]
  return parsed.value < low || parsed.value > high ? 'range' : null
}

export const rangeOf = (field: NumberField, entry: Pick<Entry, 'creatinineUnit'>): [number, number] =>
  field === 'creatinine' ? creatinineLimits[entry.creatinineUnit] : limits[field]

export const numberFields: NumberField[] = ['age', 'weight', 'height', 'creatinine', 'respiratoryRate', 'systolic', 'diastolic']

export type EntryFault = { field: string; fault: Fieldfault | 'indication' | 'substance' | 'pair' }

/** All that keeps the form from being sent, in the order of the screen. */
export function entryFaults(entry: Entry): EntryFault[] {
  const faults: EntryFault[] = []
  if (!entry.request.indication) faults.push({ field: 'indication', fault: 'indication' })
  for (const field of numberFields) {
    const fault = faultOf(field, entry)
    if (fault) faults.push({ field, fault })
  }
  if ((entry.systolic.trim() === '') !== (entry.diastolic.trim() === '')) {
    faults.push({ field: entry.systolic.trim() === '' ? 'systolic' : 'diastolic', fault: 'pair' })
  }
  entry.allergies.forEach((allergy, i) => {
    if (allergy.substance.trim() === '') faults.push({ field: `allergy-${i}`, fault: 'substance' })
  })
  return faults
}
