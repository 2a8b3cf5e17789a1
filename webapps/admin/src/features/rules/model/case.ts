import type { Bundle, FhirResource, Parameters, ParametersParameter } from 'fhir/r4'
import type { StructuredRequest } from '@cdss/shared/api/types.ts'

// A case as the server keeps it (docs/REPLAY.md): a collection Bundle with the
// patient, the draft orders, and Parameters that say what is expected.

export const wants = ['says', 'doesNotSay', 'offers', 'excludes', 'neverOffers', 'indication', 'silent', 'abstains', 'notChecked'] as const
export type Want = (typeof wants)[number]
/** What one line of the form expects. `value` is words, a code, a fact, or nothing. */
export type Expected = { want: Want; value: string; indicator: 'info' | 'warning' | 'critical' }

type Made = {
  id: string
  title: string
  why: string
  artifact: string
  bundle: Bundle
  request: StructuredRequest | null
  expected: Expected[]
}

export function parameterOf({ want, value, indicator }: Expected): ParametersParameter {
  switch (want) {
    case 'says':
    case 'doesNotSay':
      return { name: want, part: [{ name: 'indicator', valueCode: indicator }, { name: 'words', valueString: value.toLowerCase() }] }
    case 'offers':
      return { name: want, part: value.split('+').map((atc) => ({ name: 'substance', part: [{ name: 'atc', valueCode: atc.trim() }] })) }
    case 'excludes':
      return { name: want, part: [{ name: 'atc', valueCode: value }] }
    case 'silent':
    case 'abstains':
      return { name: want, valueBoolean: true }
    default:
      return { name: want, valueCode: value }
  }
}

function requestOf(request: StructuredRequest): ParametersParameter | null {
  const part: ParametersParameter[] = []
  if (request.indication) part.push({ name: 'indication', valueCode: request.indication })
  if (request.severity) part.push({ name: 'severity', valueCode: request.severity })
  if (request.site) part.push({ name: 'site', valueCode: request.site })
  for (const risk of request.riskFactors ?? []) part.push({ name: 'riskFactor', valueCode: risk })
  for (const pathogen of request.pathogens ?? []) part.push({ name: 'pathogen', valueString: pathogen })
  return part.length > 0 ? { name: 'request', part } : null
}

export function caseOf(made: Made): Bundle {
  const request = made.request && requestOf(made.request)
  const about: Parameters = {
    resourceType: 'Parameters',
    id: 'case',
    parameter: [
      { name: 'title', valueString: made.title },
      ...(made.why ? [{ name: 'why', valueString: made.why }] : []),
      { name: 'artifact', valueCanonical: made.artifact },
      ...(request ? [request] : []),
      ...made.expected.map(parameterOf),
    ],
  }
  const patient = (made.bundle.entry ?? []).filter((entry) => !(entry.resource?.resourceType === 'Parameters' && entry.resource.id === 'case'))
  return {
    resourceType: 'Bundle',
    id: made.id,
    type: 'collection',
    timestamp: made.bundle.timestamp ?? new Date().toISOString(),
    entry: [{ resource: about }, ...patient.map(({ resource }) => ({ resource: resource as FhirResource }))],
  }
}

/** What the form can say; of an option it names the substances alone, and leaves one with doses as it is. */
const editable = (p: ParametersParameter) =>
  (wants as readonly string[]).includes(p.name) && (p.name !== 'offers' || (p.part ?? []).every((x) => x.part?.length === 1 && x.part[0]?.name === 'atc'))

/** Another set of expectations for a case that is there; the patient stays. */
export function withExpected(bundle: Bundle, expected: Expected[]): Bundle {
  return {
    ...bundle,
    entry: bundle.entry?.map((entry) => {
      const resource = entry.resource
      if (resource?.resourceType !== 'Parameters' || resource.id !== 'case') return entry
      const about = resource as Parameters
      const kept = (about.parameter ?? []).filter((p) => !editable(p))
      return { ...entry, resource: { ...about, parameter: [...kept, ...expected.map(parameterOf)] } }
    }),
  }
}

export function expectedOf(bundle: Bundle): Expected[] {
  const about = bundle.entry?.map((e) => e.resource).find((r) => r?.resourceType === 'Parameters' && r.id === 'case') as Parameters | undefined
  return (about?.parameter ?? []).flatMap((p): Expected[] => {
    if (!editable(p)) return []
    if (p.name === 'offers') return [{ want: 'offers', value: (p.part ?? []).map((x) => x.part?.[0]?.valueCode ?? '').join('+'), indicator: 'info' }]
    const part = (name: string) => p.part?.find((x) => x.name === name)
    const words = p.part?.filter((x) => x.name === 'words').map((x) => x.valueString ?? '')
    return [
      {
        want: p.name as Want,
        value: words?.[0] ?? part('atc')?.valueCode ?? p.valueCode ?? p.valueString ?? '',
        indicator: (part('indicator')?.valueCode as Expected['indicator'] | undefined) ?? 'info',
      },
    ]
  })
}

/** A Bundle that somebody pasted: its text read, or null where it is none. */
export function readBundle(text: string): Bundle | null {
  try {
    const read = JSON.parse(text) as Bundle | null
    return read?.resourceType === 'Bundle' && Array.isArray(read.entry) ? read : null
  } catch {
    return null
  }
}
