import type { CodeableConcept, Element, Extension, PlanDefinition, PlanDefinitionAction, RelatedArtifact } from 'fhir/r4'

// What the form reads of a PlanDefinition and writes to it. All that it does not
// know stays where it is: every change is of one place in a copy.

const base = 'https://cdss.example/fhir'
const translation = 'http://hl7.org/fhir/StructureDefinition/translation'
const structure = (name: string) => `${base}/StructureDefinition/${name}`
export const packSystem = `${base}/CodeSystem/pack`
const actionSystem = `${base}/CodeSystem/action`
const indicationSystem = `${base}/CodeSystem/indication`

export type Words = { de: string; en: string }
export type Kind = 'substances' | 'notice' | 'regimens'
export type Effect = { effect: string; reason: string; applies: string; route: string }
export type Source = { document: string; version: string; page: number | null; section: string; hash: string; words: string; url: string }

type Worded = { [name: string]: unknown }

/** A text with its English translation, the form of all our artifacts: German at the place, English in an extension. */
export function wordsOf(of: object, name: string): Words {
  const at = of as Worded
  const element = at[`_${name}`] as Element | undefined
  const english = element?.extension?.find((e) => e.url === translation && e.extension?.some((x) => x.url === 'lang' && x.valueCode === 'en'))
  const content = english?.extension?.find((x) => x.url === 'content')
  return { de: (at[name] as string | undefined) ?? '', en: content?.valueString ?? content?.valueMarkdown ?? '' }
}

export function withWords<T extends object>(of: T, name: string, words: Words): T {
  const at = of as Worded
  const copy = Object.fromEntries(Object.entries(at).filter(([key]) => key !== name && key !== `_${name}`))
  const element = (at[`_${name}`] ?? {}) as Element
  const others = (element.extension ?? []).filter((e) => !(e.url === translation && e.extension?.some((x) => x.url === 'lang' && x.valueCode === 'en')))
  const extension = words.en === '' ? others : [...others, { url: translation, extension: [{ url: 'lang', valueCode: 'en' }, { url: 'content', valueString: words.en }] }]
  if (words.de !== '') copy[name] = words.de
  if (extension.length > 0) copy[`_${name}`] = { ...element, extension }
  return copy as T
}

export function kindOf(plan: PlanDefinition): Kind {
  if (plan.topic?.some((topic) => has(topic, packSystem, 'safety'))) return 'substances'
  return plan.topic?.some((topic) => has(topic, packSystem, 'regimens')) ? 'regimens' : 'notice'
}

const has = (concept: CodeableConcept, system: string, code: string) => concept.coding?.some((c) => c.system === system && c.code === code) ?? false
const part = (e: Extension | undefined, url: string) => e?.extension?.find((x) => x.url === url)
const extensionOf = (of: Element, url: string) => of.extension?.find((e) => e.url === url)

function withExtensions<T extends Element>(of: T, url: string, list: Extension[]): T {
  const extension = [...(of.extension ?? []).filter((e) => e.url !== url), ...list]
  const copy = { ...of, extension }
  if (extension.length === 0) delete (copy as Element).extension
  return copy
}

export function effectOf(action: PlanDefinitionAction): Effect {
  const e = extensionOf(action, structure('effect'))
  const code = (url: string) => part(e, url)?.valueCode ?? ''
  return { effect: code('effect') || 'warn', reason: code('reason') || 'other', applies: code('applies') || 'both', route: code('route') }
}

export function withEffect(action: PlanDefinitionAction, effect: Effect): PlanDefinitionAction {
  const parts = (['effect', 'reason', 'applies', 'route'] as const).filter((url) => effect[url] !== '')
  return withExtensions(action, structure('effect'), [{ url: structure('effect'), extension: parts.map((url) => ({ url, valueCode: effect[url] })) }])
}

export const substancesOf = (action: PlanDefinitionAction) =>
  (action.extension ?? []).filter((e) => e.url === structure('substance')).map((e) => e.valueCode ?? '')

export const withSubstances = (action: PlanDefinitionAction, codes: string[]) =>
  withExtensions(action, structure('substance'), codes.map((valueCode) => ({ url: structure('substance'), valueCode })))

/** The citations of an action, each with its place in `documentation`. */
export function sourcesOf(action: PlanDefinitionAction): { at: number; source: Source }[] {
  return (action.documentation ?? []).flatMap((d, at) => (d.type === 'citation' || d.type === 'justification' ? [{ at, source: sourceOf(d) }] : []))
}

function sourceOf(d: RelatedArtifact): Source {
  const e = extensionOf(d, structure('locator'))
  return {
    document: part(e, 'document')?.valueString ?? d.label ?? '',
    version: part(e, 'version')?.valueString ?? '',
    page: part(e, 'page')?.valuePositiveInt ?? null,
    section: part(e, 'section')?.valueString ?? '',
    hash: part(e, 'hash')?.valueString ?? '',
    words: d.citation ?? d.display ?? '',
    url: d.url ?? '',
  }
}

/** A citation that is bound to the place of a passage, and to its text by the hash of it. */
export function citation(source: Source): RelatedArtifact {
  const locator: Extension[] = [{ url: 'document', valueString: source.document }]
  if (source.version) locator.push({ url: 'version', valueString: source.version })
  if (source.page !== null) locator.push({ url: 'page', valuePositiveInt: source.page })
  if (source.section) locator.push({ url: 'section', valueString: source.section })
  if (source.hash) locator.push({ url: 'hash', valueString: source.hash })
  return {
    extension: [{ url: structure('locator'), extension: locator }],
    type: 'citation',
    label: source.document,
    display: source.words || source.document,
    ...(source.url ? { url: source.url } : {}),
  }
}

export const justification = (words: string): RelatedArtifact => ({ type: 'justification', display: words })

/** A key that no sibling has, out of words. */
export function slug(text: string): string {
  const plain = text
    .toLowerCase()
    .replace(/ä/g, 'ae')
    .replace(/ö/g, 'oe')
    .replace(/ü/g, 'ue')
    .replace(/ß/g, 'ss')
    .normalize('NFD')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
  return plain.slice(0, 50).replace(/-+$/, '')
}

/** A key of its own among those that are taken. */
function freeId(taken: string[]): string {
  let n = taken.length + 1
  while (taken.includes(`action-${n}`)) n++
  return `action-${n}`
}

/** What may stand below an action of regimens: groups below a choice, options below a group, substances below an option; null where nothing may. */
export function newBelow(above: PlanDefinitionAction): PlanDefinitionAction | null {
  const id = freeId((above.action ?? []).map((a) => a.id ?? ''))
  switch (roleOf(above)) {
    case 'choice':
      return { id, code: [role('population')], groupingBehavior: 'visual-group', selectionBehavior: 'at-most-one', action: [newOption('action-1')] }
    case 'population':
      return newOption(id)
    case 'option':
      return { id, code: [role('ingredient')] }
    default:
      return null
  }
}

const newOption = (id: string): PlanDefinitionAction => ({ id, code: [role('option')], action: [{ id: 'action-1', code: [role('ingredient')] }] })

export function newAction(kind: Kind, taken: string[]): PlanDefinitionAction {
  const action: PlanDefinitionAction = { id: freeId(taken), priority: 'urgent' }
  if (kind === 'substances') return withEffect({ ...action, code: [role('rule')] }, { effect: 'warn', reason: 'other', applies: 'both', route: '' })
  if (kind === 'notice') return { ...action, trigger: [{ type: 'named-event', name: 'patient-view' }] }
  return newOption(action.id ?? '')
}

const role = (code: string): CodeableConcept => ({ coding: [{ system: actionSystem, code }] })
export const roleOf = (action: PlanDefinitionAction) => action.code?.flatMap((c) => c.coding ?? []).find((c) => c.system === actionSystem)?.code ?? ''

type Start = { kind: Kind; title: Words; id: string; url: string; indication: string }

/** A plan of which everything is there but what only a person knows. */
export function newPlan({ kind, title, id, url, indication }: Start): PlanDefinition {
  const name = id.replace(/(^|-)([a-z0-9])/g, (_, __, letter: string) => letter.toUpperCase())
  const plan: PlanDefinition = {
    resourceType: 'PlanDefinition',
    id,
    language: 'de',
    url,
    version: '1.0.0',
    name: /^[A-Z]/.test(name) ? name : `Rule${name}`,
    status: 'draft',
    type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/plan-definition-type', code: kind === 'regimens' ? 'order-set' : 'eca-rule' }] },
  }
  if (kind !== 'notice') {
    plan.topic = [{ coding: [{ system: packSystem, code: kind === 'substances' ? 'safety' : 'regimens' }] }]
    plan.library = [`${base}/Library/findings`]
  }
  if (kind === 'regimens') {
    plan.useContext = [
      {
        code: { system: 'http://terminology.hl7.org/CodeSystem/usage-context-type', code: 'focus' },
        valueCodeableConcept: { coding: [{ system: indicationSystem, code: indication }] },
      },
    ]
    plan.action = [
      {
        id: 'choice',
        code: [role('choice')],
        title: title.de,
        action: [withWords({ id: 'all', code: [role('population')], groupingBehavior: 'visual-group', selectionBehavior: 'at-most-one', action: [newAction(kind, [])] }, 'title', { de: 'Alle Patienten', en: 'All patients' })],
      },
    ]
    return withWords(plan, 'title', title)
  }
  const first = withWords(newAction(kind, []), 'title', title)
  plan.action = [{ ...first, id }]
  return withWords(plan, 'title', title)
}

/** Changes the action at a path of places and leaves all others as they are. */
export function changeAction(actions: PlanDefinitionAction[], path: number[], change: (action: PlanDefinitionAction) => PlanDefinitionAction | null): PlanDefinitionAction[] {
  const [first, ...rest] = path
  return actions.flatMap((action, i) => {
    if (i !== first) return [action]
    const next = rest.length === 0 ? change(action) : { ...action, action: changeAction(action.action ?? [], rest, change) }
    return next ? [next] : []
  })
}
