import type { Bundle, CarePlan, Dosage, MedicationRequest, Reference, TimingRepeat } from 'fhir/r4'
import type { Ingredient, Option, Recommendation } from '@cdss/shared/api/types.ts'

const ucum = 'http://unitsofmeasure.org'
const snomed = 'http://snomed.info/sct'
const atc = 'http://fhir.de/CodeSystem/bfarm/atc'

// Routes that have one code; any other stands as its word.
const routes: Record<string, { code: string; display: string }> = {
  iv: { code: '47625008', display: 'Intravenous route' },
  po: { code: '26643006', display: 'Oral route' },
  im: { code: '78421000', display: 'Intramuscular route' },
  sc: { code: '34206005', display: 'Subcutaneous route' },
}

type Period = NonNullable<TimingRepeat['periodUnit']>

function dosage(i: Ingredient): Dosage {
  const repeat: TimingRepeat = { frequency: i.frequency.count, period: i.frequency.period, periodUnit: i.frequency.periodUnit as Period }
  if (i.frequency.countMax && i.frequency.countMax > i.frequency.count) repeat.frequencyMax = i.frequency.countMax
  if (i.duration) {
    const unit = { value: i.duration.low, unit: i.duration.unit, system: ucum, code: i.duration.unit }
    repeat.boundsRange = { low: unit, ...(i.duration.high !== null ? { high: { ...unit, value: i.duration.high } } : {}) }
  }
  const route = routes[i.route]
  // A schedule says what a frequency cannot; both would contradict each other.
  return {
    text: i.text,
    ...(i.schedule ? {} : { timing: { repeat } }),
    route: route ? { coding: [{ system: snomed, ...route }] } : { text: i.route },
    doseAndRate: [{ doseQuantity: { value: i.dose.value, unit: i.dose.unit, system: ucum, code: i.dose.unit } }],
  }
}

function request(i: Ingredient, id: string, subject: Reference, r: Recommendation, option: Option): MedicationRequest {
  return {
    resourceType: 'MedicationRequest',
    id,
    ...(r.banner ? { meta: { security: [test] } } : {}),
    status: 'draft',
    intent: 'proposal',
    medicationCodeableConcept: { coding: [{ system: atc, code: i.atc }], text: i.name },
    subject,
    authoredOn: r.createdAt,
    ...(r.indication ? { reasonCode: [{ coding: [{ system: r.indication.system, code: r.indication.code }], text: r.indication.display }] } : {}),
    note: [r.banner, option.why, ...i.adjustments.map((a) => a.text)].filter((text): text is string => Boolean(text)).map((text) => ({ text })),
    dosageInstruction: [dosage(i)],
  }
}

const test = { system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason', code: 'HTEST' }

/**
 * The recommendation as proposals in FHIR R4: one CarePlan, and a MedicationRequest for
 * each ingredient of each option. They are drafts; which one is ordered is for people.
 * Example content is marked as test data.
 */
export function proposals(r: Recommendation, patient: string | null): Bundle {
  // Who was typed in has no record that a reference could lead to.
  const subject: Reference = patient && !patient.endsWith('/entered-patient') ? { reference: patient } : { display: '?' }
  const requests = r.options.flatMap((option, n) =>
    option.ingredients.map((i, k) => request(i, `option-${n + 1}-${k + 1}`, subject, r, option)),
  )
  const plan: CarePlan = {
    resourceType: 'CarePlan',
    id: 'plan',
    ...(r.banner ? { meta: { security: [test] } } : {}),
    language: r.language,
    instantiatesCanonical: r.knowledge.filter((k) => k.url.includes('/PlanDefinition/')).map((k) => `${k.url}|${k.version}`),
    status: 'draft',
    intent: 'proposal',
    ...(r.indication ? { title: r.indication.display } : {}),
    ...(r.banner ? { description: r.banner } : {}),
    subject,
    created: r.createdAt,
    activity: requests.map((m) => ({ reference: { reference: `MedicationRequest/${m.id}` } })),
    note: [
      ...r.warnings.map((w) => ({ text: w.summary })),
      ...r.excluded.map((e) => ({ text: `${e.name}: ${e.detail}` })),
      ...r.notChecked.map((n) => ({ text: `${n.check}: ${n.reason}` })),
    ],
  }
  return { resourceType: 'Bundle', type: 'collection', timestamp: r.createdAt, entry: [plan, ...requests].map((resource) => ({ resource })) }
}
