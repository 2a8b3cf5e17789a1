// A client of CDS Hooks that behaves as the reference sandbox does: what it sends,
// when, and what a person sees of the answer.
import { marked } from 'marked'
import { call, discover, read, sendFeedback, type Card, type Coding, type Concept, type Resource, type Service, type Suggestion } from './sandbox-exchange.ts'

const parameters = new URLSearchParams(location.search)
const fhirServer = parameters.get('fhirServiceUrl') ?? ''
const hook = parameters.get('hook') ?? 'patient-view'
const userId = 'Practitioner/COREPRACTITIONER1'
const rxnorm = 'http://www.nlm.nih.gov/research/umls/rxnorm'

function element<E extends HTMLElement>(id: string): E {
  const found = document.getElementById(id)
  if (!found) throw new Error(`no element ${id}`)
  return found as E
}

const patient = element<HTMLSelectElement>('patient')
const condition = element<HTMLSelectElement>('condition')
const medication = element<HTMLSelectElement>('medication')
const services = new Map<string, Service>()
let diagnoses: Concept[] = []
let prescribed: { name: string; code: string } | undefined
let latest = 0

const offered = [
  { code: '308182', name: 'Amoxicillin 250 MG Oral Capsule' },
  { code: '309309', name: 'Ciprofloxacin 500 MG Oral Tablet' },
  { code: '197361', name: 'Amlodipine 5 MG Oral Tablet' },
]
const named = parameters.get('medication')
if (named) offered.push({ code: '0', name: named })

/** The draft it sends: no intent, and no medication until one is chosen. */
function draft(): Resource {
  const reason = diagnoses[condition.selectedIndex - 1]
  return {
    resourceType: 'MedicationRequest',
    id: 'request-123',
    status: 'draft',
    subject: { reference: `Patient/${patient.value}` },
    authoredOn: new Date().toISOString().slice(0, 10),
    ...(prescribed && {
      dosageInstruction: [
        {
          doseAndRate: [
            { doseQuantity: { value: element<HTMLInputElement>('number').valueAsNumber, system: 'http://unitsofmeasure.org', code: '{pill}' } },
          ],
          timing: { repeat: { frequency: Number(element<HTMLSelectElement>('frequency').value), period: 1, periodUnit: 'd' } },
        },
      ],
      medicationCodeableConcept: { text: prescribed.name, coding: [{ display: prescribed.name, system: rxnorm, code: prescribed.code }] },
    }),
    ...(reason && { reasonCode: reason }),
  }
}

function context(): object {
  if (hook === 'patient-view') return {}
  const resource = draft()
  const draftOrders = { resourceType: 'Bundle', entry: [{ resource }] }
  return hook === 'order-select' ? { selections: [`MedicationRequest/${resource.id}`], draftOrders } : { draftOrders }
}

/** Calls every service of the hook. An answer to an older round is not shown. */
async function consult(): Promise<void> {
  const round = ++latest
  const cards = element('cards')
  cards.setAttribute('aria-busy', 'true')
  const shown: { card: Card; address: string }[] = []
  element('message').textContent = ''
  for (const [address, service] of services) {
    if (service.hook !== hook) continue
    const answer = await call(address, service, { fhirServer, patientId: patient.value, userId, context: context() })
    if (round !== latest) return
    if (!answer) element('message').textContent = 'Could not get a response from the CDS Service.'
    for (const card of answer ?? []) shown.push({ card, address })
  }
  const severity = { critical: 0, warning: 1, info: 2 }
  shown.sort((a, b) => severity[a.card.indicator] - severity[b.card.indicator])
  cards.replaceChildren(...(shown.length > 0 ? shown.map(({ card, address }) => article(card, address)) : ['No Cards']))
  cards.setAttribute('aria-busy', 'false')
}

function button(text: string, act: () => Promise<void>): HTMLButtonElement {
  const made = document.createElement('button')
  made.textContent = text
  made.addEventListener('click', () => void act())
  return made
}

/** Shows a card. Markup in its detail is markup to this client. */
function article(card: Card, address: string): HTMLElement {
  const shown = document.createElement('article')
  shown.dataset.indicator = card.indicator
  const summary = document.createElement('h2')
  summary.textContent = card.summary
  const source = document.createElement('p')
  source.textContent = card.source?.label ? `Source: ${card.source.label}` : ''
  const detail = document.createElement('section')
  detail.setAttribute('aria-label', 'Detail')
  detail.innerHTML = marked.parse(card.detail ?? '', { async: false, gfm: true })
  shown.append(summary, source, detail)
  for (const suggestion of card.suggestions ?? []) {
    if (suggestion.label) shown.append(button(suggestion.label, () => accept(card, suggestion, address)))
  }
  if (card.uuid) shown.append(dismissal(card, card.uuid, address, shown))
  return shown
}

/** Offers to dismiss a card, for one of its reasons where it has some. */
function dismissal(card: Card, uuid: string, address: string, shown: HTMLElement): HTMLElement {
  const group = document.createElement('div')
  const reasons = document.createElement('select')
  reasons.setAttribute('aria-label', 'Override reason')
  for (const reason of card.overrideReasons ?? []) reasons.add(new Option(reason.display, reason.code))
  if (reasons.length > 0) group.append(reasons)
  group.append(
    button('Dismiss', async () => {
      const chosen: Coding | undefined = card.overrideReasons?.[reasons.selectedIndex]
      await report(address, {
        card: uuid,
        outcome: 'overridden',
        // Without its display, and without a comment.
        ...(chosen && { overrideReason: { reason: { code: chosen.code, system: chosen.system } } }),
        outcomeTimestamp: new Date().toISOString(),
      })
      shown.remove()
    }),
  )
  return group
}

async function accept(card: Card, suggestion: Suggestion, address: string): Promise<void> {
  take(suggestion)
  if (card.uuid && suggestion.uuid) {
    await report(address, { card: card.uuid, outcome: 'accepted', acceptedSuggestions: [{ id: suggestion.uuid }], outcomeTimestamp: new Date().toISOString() })
  }
  if (hook === 'order-select') await consult()
}

/**
 * Applies a suggestion to the one order it knows. The first action that it
 * understands decides; a new medication must have text and a code to be seen.
 */
function take(suggestion: Suggestion): void {
  for (const action of suggestion.actions ?? []) {
    if (action.type === 'delete') {
      prescribe(undefined)
      return
    }
    const concept = action.resource?.medicationCodeableConcept as Concept | undefined
    const code = concept?.coding?.[0]?.code
    if (concept?.text && code) {
      prescribe({ name: concept.text, code })
      return
    }
  }
}

function prescribe(choice: typeof prescribed): void {
  prescribed = choice
  element('prescribed').textContent = choice?.name ?? ''
}

async function report(address: string, feedback: Parameters<typeof sendFeedback>[1]): Promise<void> {
  const kept = await sendFeedback(address, feedback)
  element('message').textContent = kept ? `Feedback sent: ${feedback.outcome}` : 'Feedback was refused'
}

async function choosePatient(): Promise<void> {
  await read(`${fhirServer}/Patient/${patient.value}`)
  const found = (await read(`${fhirServer}/Condition?patient=${patient.value}`)) as { entry?: { resource: { code: Concept } }[] } | undefined
  diagnoses = (found?.entry ?? []).map((entry) => entry.resource.code)
  condition.replaceChildren(new Option(''), ...diagnoses.map((code) => new Option(code.text ?? '', code.coding?.[0]?.code ?? '')))
}

async function start(): Promise<void> {
  const metadata = await read(`${fhirServer}/metadata`)
  element('server').textContent = metadata ? `FHIR ${String(metadata.fhirVersion)} at ${fhirServer}` : 'Could not connect to the FHIR server'
  const list = (await read(`${fhirServer}/Patient`)) as { entry?: { resource: { id: string; name: { given: string[]; family: string }[] } }[] } | undefined
  for (const { resource } of list?.entry ?? []) {
    // It takes for granted that everybody has a name.
    const [name] = resource.name
    patient.add(new Option(`${name?.given.join(' ')} ${name?.family}`, resource.id))
  }
  patient.value = parameters.get('patientId') ?? patient.value
  medication.replaceChildren(new Option(''), ...offered.map(({ code, name }) => new Option(name, code)))
  await choosePatient()
  for (const address of parameters.getAll('serviceDiscoveryURL')) {
    for (const [url, service] of await discover(address)) services.set(url, service)
  }
  element('services').replaceChildren(
    ...[...services.values()].map(({ hook, title, id }) => {
      const item = document.createElement('li')
      item.textContent = `${hook}: ${title ?? id}`
      return item
    }),
  )
  element('sign').hidden = hook !== 'order-sign'
  // What was chosen is part of the context; order-sign waits for the button.
  if (hook === 'order-sign') element('cards').setAttribute('aria-busy', 'false')
  else await consult()
}

patient.addEventListener('change', () => void choosePatient().then(() => (hook === 'order-sign' ? undefined : consult())))
medication.addEventListener('change', () => {
  prescribe(offered[medication.selectedIndex - 1])
  if (hook === 'order-select') void consult()
})
for (const id of ['condition', 'number', 'frequency']) {
  element(id).addEventListener('change', () => {
    if (hook === 'order-select') void consult()
  })
}
element('sign').addEventListener('click', () => void consult())
void start()
