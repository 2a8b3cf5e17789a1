import type { Bundle } from 'fhir/r4'

/** Larger input is refused before it is read; the server has a limit of its own. */
export const bundleLimit = 5 * 1024 * 1024

export type BundleFault =
  | { kind: 'empty' }
  | { kind: 'too-large'; megabytes: number }
  | { kind: 'not-json'; line: number | null }
  | { kind: 'not-bundle'; found: string }
  | { kind: 'no-entries' }
  | { kind: 'no-patient' }
  | { kind: 'several-patients'; count: number }

export type BundleReading = { bundle: Bundle; counts: [string, number][] } | { fault: BundleFault }

/** Reads pasted or uploaded text as a Bundle with exactly one patient, or says why it is none. */
export function readBundle(text: string): BundleReading {
  if (text.trim() === '') return { fault: { kind: 'empty' } }
  if (text.length > bundleLimit) return { fault: { kind: 'too-large', megabytes: text.length / 1024 / 1024 } }
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    return { fault: { kind: 'not-json', line: lineOf(text, error) } }
  }
  const found = typeof parsed === 'object' && parsed !== null ? (parsed as { resourceType?: unknown }).resourceType : undefined
  if (found !== 'Bundle') return { fault: { kind: 'not-bundle', found: typeof found === 'string' ? found.slice(0, 40) : '' } }
  const bundle = parsed as Bundle
  const entries = Array.isArray(bundle.entry) ? bundle.entry : []
  if (entries.length === 0) return { fault: { kind: 'no-entries' } }
  const counts = new Map<string, number>()
  for (const entry of entries) {
    const type = entry?.resource?.resourceType ?? '?'
    counts.set(type, (counts.get(type) ?? 0) + 1)
  }
  const patients = counts.get('Patient') ?? 0
  if (patients === 0) return { fault: { kind: 'no-patient' } }
  if (patients > 1) return { fault: { kind: 'several-patients', count: patients } }
  return { bundle, counts: [...counts].sort(([a], [b]) => a.localeCompare(b)) }
}

/** The line of a syntax error where the engine names one, by line or by position. */
function lineOf(text: string, error: unknown): number | null {
  const message = error instanceof Error ? error.message : ''
  const line = /line (\d+)/.exec(message)
  if (line) return Number(line[1])
  const position = /position (\d+)/.exec(message)
  return position ? text.slice(0, Number(position[1])).split('\n').length : null
}
