import type { AllergyIntolerance, Bundle, BundleEntry, Condition, FhirResource, MedicationStatement, Observation, Patient } from 'fhir/r4'
import { parseNumber } from '@cdss/shared/format/number.ts'
import type { AllergyEntry, Entry, NumberField, Reaction } from './entry.ts'
import { unitOf } from './entry.ts'
import { allergySubstances } from './vocabulary.ts'

const loinc = 'http://loinc.org'
const snomed = 'http://snomed.info/sct'
const ucum = 'http://unitsofmeasure.org'
const atc = 'http://fhir.de/CodeSystem/bfarm/atc'
const patientId = 'entered-patient'

/** Resources made from typed values are told apart by the beginning of their id. */
export const enteredPrefix = 'entered-'
export const isEntered = (reference: string) => reference.includes(`/${enteredPrefix}`)

const codes: Record<Exclude<NumberField, 'age' | 'systolic' | 'diastolic'>, { code: string; display: string }> = {
  weight: { code: '29463-7', display: 'Body weight' },
  height: { code: '8302-2', display: 'Body height' },
  creatinine: { code: '2160-0', display: 'Creatinine [Mass/volume] in Serum or Plasma' },
  respiratoryRate: { code: '9279-1', display: 'Respiratory rate' },
}
const molarCreatinine = { code: '14682-9', display: 'Creatinine [Moles/volume] in Serum or Plasma' }

const manifestations: Record<Exclude<Reaction, 'unknown'>, { code: string; display: string }> = {
  anaphylaxis: { code: '39579001', display: 'Anaphylaxis' },
  urticaria: { code: '126485001', display: 'Urticaria' },
  rash: { code: '271807003', display: 'Eruption of skin' },
  'severe-skin': { code: '73442001', display: 'Stevens-Johnson syndrome' },
  gastrointestinal: { code: '422587007', display: 'Nausea' },
}

/** An instant with the offset of this place, as FHIR wants it. */
export function instant(now: Date): string {
  const pad = (n: number) => String(Math.floor(Math.abs(n))).padStart(2, '0')
  const offset = -now.getTimezoneOffset()
  const zone = `${offset < 0 ? '-' : '+'}${pad(offset / 60)}:${pad(Math.abs(offset) % 60)}`
  return `${day(now)}T${pad(now.getHours())}:${pad(now.getMinutes())}:${pad(now.getSeconds())}${zone}`
}

function day(date: Date): string {
  const pad = (n: number) => String(n).padStart(2, '0')
  return `${String(date.getFullYear()).padStart(4, '0')}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`
}

/**
 * A birth date that gives the age: half a year past the last birthday, so that
 * neither another time zone nor a page left open over night changes it.
 */
function birthDate(age: number, now: Date): string {
  return day(new Date(now.getFullYear() - age, now.getMonth() - 6, 1))
}

function observation(id: string, subject: string, coding: { code: string; display: string }, now: Date): Observation {
  return {
    resourceType: 'Observation',
    id: `${enteredPrefix}${id}`,
    status: 'final',
    code: { coding: [{ system: loinc, ...coding }] },
    subject: { reference: subject },
    effectiveDateTime: instant(now),
  }
}

/** One typed value as an Observation about the given patient; null when it is empty or unreadable. */
export function measured(
  field: 'weight' | 'height' | 'creatinine' | 'respiratoryRate',
  typed: string,
  unit: string,
  subject: string,
  now: Date,
): Observation | null {
  const { value, valid } = parseNumber(typed)
  if (!valid || value === null) return null
  const coding = field === 'creatinine' && unit === 'umol/L' ? molarCreatinine : codes[field]
  return {
    ...observation(field.toLowerCase(), subject, coding, now),
    valueQuantity: { value, unit, system: ucum, code: unit },
  }
}

function bloodPressure(systolic: number, diastolic: number, subject: string, now: Date): Observation {
  const component = (code: string, display: string, value: number) => ({
    code: { coding: [{ system: loinc, code, display }] },
    valueQuantity: { value, unit: 'mm[Hg]', system: ucum, code: 'mm[Hg]' },
  })
  return {
    ...observation('blood-pressure', subject, { code: '85354-9', display: 'Blood pressure panel with all children optional' }, now),
    component: [component('8480-6', 'Systolic blood pressure', systolic), component('8462-4', 'Diastolic blood pressure', diastolic)],
  }
}

function pregnancy(pregnant: boolean, subject: string, now: Date): Observation {
  return {
    ...observation('pregnancy', subject, { code: '82810-3', display: 'Pregnancy status' }, now),
    valueCodeableConcept: {
      coding: [
        pregnant
          ? { system: snomed, code: '77386006', display: 'Pregnancy' }
          : { system: snomed, code: '60001007', display: 'Not pregnant' },
        pregnant
          ? { system: loinc, code: 'LA15173-0', display: 'Pregnant' }
          : { system: loinc, code: 'LA26683-5', display: 'Not pregnant' },
      ],
    },
  }
}

/** An allergy as typed, about the given patient. */
export function allergy(entry: AllergyEntry, index: number, subject: string, now: Date): AllergyIntolerance {
  const known = allergySubstances.find((s) => s.code === entry.substance)
  const coding = known
    ? [
        { system: atc, code: known.atc },
        ...(known.snomed ? [{ system: snomed, code: known.snomed }] : []),
      ]
    : undefined
  const reaction = entry.reaction
  return {
    resourceType: 'AllergyIntolerance',
    id: `${enteredPrefix}allergy-${index + 1}`,
    clinicalStatus: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical', code: 'active' }] },
    verificationStatus: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/allergyintolerance-verification', code: 'unconfirmed' }],
    },
    ...(reaction === 'gastrointestinal' ? { type: 'intolerance' as const } : reaction && reaction !== 'unknown' ? { type: 'allergy' as const } : {}),
    category: ['medication'],
    ...(reaction === 'anaphylaxis' || reaction === 'severe-skin' ? { criticality: 'high' as const } : {}),
    code: { ...(coding ? { coding } : {}), text: entry.substance },
    patient: { reference: subject },
    recordedDate: instant(now),
    ...(reaction && reaction !== 'unknown'
      ? { reaction: [{ manifestation: [{ coding: [{ system: snomed, ...manifestations[reaction] }], text: manifestations[reaction].display }] }] }
      : {}),
  }
}

/** A medicine as typed: the server reads its name, and tells when it knows none of it. */
function medication(name: string, index: number, subject: string, now: Date): MedicationStatement {
  return {
    resourceType: 'MedicationStatement',
    id: `${enteredPrefix}medication-${index + 1}`,
    status: 'active',
    medicationCodeableConcept: { text: name },
    subject: { reference: subject },
    effectiveDateTime: instant(now),
  }
}

/** The statement that no allergy is known. */
export function noKnownAllergy(subject: string, now: Date): AllergyIntolerance {
  return {
    resourceType: 'AllergyIntolerance',
    id: `${enteredPrefix}no-known-allergy`,
    clinicalStatus: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical', code: 'active' }] },
    verificationStatus: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/allergyintolerance-verification', code: 'confirmed' }],
    },
    code: { coding: [{ system: snomed, code: '716186003', display: 'No known allergy' }] },
    patient: { reference: subject },
    recordedDate: instant(now),
  }
}

function condition(id: string, code: string, display: string, subject: string, now: Date): Condition {
  return {
    resourceType: 'Condition',
    id: `${enteredPrefix}${id}`,
    clinicalStatus: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-clinical', code: 'active' }] },
    verificationStatus: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-ver-status', code: 'confirmed' }] },
    code: { coding: [{ system: snomed, code, display }] },
    subject: { reference: subject },
    recordedDate: instant(now),
  }
}

/**
 * Makes a collection Bundle of the form. Only what was typed goes in: a field
 * left empty becomes no resource, so that it stays unknown. The age is sent as
 * a birth date that gives it.
 * A form with faults must not come here.
 */
export function bundleOf(entry: Entry, now: Date): Bundle {
  const subject = `Patient/${patientId}`
  const patient: Patient = { resourceType: 'Patient', id: patientId }
  const age = parseNumber(entry.age).value
  if (age !== null) {
    patient.birthDate = birthDate(age, now)
  }
  if (entry.sex) patient.gender = entry.sex
  const resources: (FhirResource | null)[] = [patient]
  for (const field of ['weight', 'height', 'creatinine', 'respiratoryRate'] as const) {
    resources.push(measured(field, entry[field], unitOf(field, entry), subject, now))
  }
  const systolic = parseNumber(entry.systolic).value
  const diastolic = parseNumber(entry.diastolic).value
  if (systolic !== null && diastolic !== null) resources.push(bloodPressure(systolic, diastolic, subject, now))
  if (entry.confusion === 'yes') resources.push(condition('confusion', '40917007', 'Clouded consciousness', subject, now))
  if (entry.confusion === 'no') {
    resources.push({
      ...observation('glasgow-coma-score', subject, { code: '9269-2', display: 'Glasgow coma score total' }, now),
      valueQuantity: { value: 15, unit: '{score}', system: ucum, code: '{score}' },
    })
  }
  if (entry.dialysis === 'yes') resources.push(condition('dialysis', '105502003', 'Dependence on renal dialysis', subject, now))
  if (entry.pregnancy) resources.push(pregnancy(entry.pregnancy === 'yes', subject, now))
  if (entry.allergyStatus === 'none') resources.push(noKnownAllergy(subject, now))
  entry.allergies.forEach((a, i) => resources.push(allergy(a, i, subject, now)))
  entry.medications.forEach((name, i) => resources.push(medication(name, i, subject, now)))
  return {
    resourceType: 'Bundle',
    type: 'collection',
    entry: resources.filter((r): r is FhirResource => r !== null).map((resource): BundleEntry => ({ resource })),
  }
}

/** The Bundle with values typed in on a page; a value typed again replaces the first. */
export function withEntered(bundle: Bundle, entered: (Observation | AllergyIntolerance)[]): Bundle {
  const ids = new Set(entered.map((o) => `${o.resourceType}/${o.id}`))
  const kept = (bundle.entry ?? []).filter(({ resource }) => !ids.has(`${resource?.resourceType}/${resource?.id}`))
  return { ...bundle, entry: [...kept, ...entered.map((resource): BundleEntry => ({ resource }))] }
}

/** The Bundle without what it tells of allergies. */
export function withoutAllergies(bundle: Bundle): Bundle {
  return { ...bundle, entry: (bundle.entry ?? []).filter(({ resource }) => resource?.resourceType !== 'AllergyIntolerance') }
}

/** Whom values typed in are about, null when nobody is certain. */
export const subjectOf = (c: { bundle: Bundle | null; remote: { patient: string } | null }): string | null =>
  c.remote?.patient ?? (c.bundle ? onlyPatient(c.bundle) : null)

/** Reference of the only patient of a Bundle, null when there is none or more than one. */
export function onlyPatient(bundle: Bundle): string | null {
  const patients = (bundle.entry ?? []).filter(({ resource }) => resource?.resourceType === 'Patient')
  const first = patients[0]
  if (!first || patients.length > 1) return null
  if (first.resource?.id) return `Patient/${first.resource.id}`
  return first.fullUrl ?? null
}
