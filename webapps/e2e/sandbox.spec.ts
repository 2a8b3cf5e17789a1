import type { Page, Request } from '@playwright/test'
import { expect, test } from './origin.ts'

type Body = {
  hook: string
  context: { patientId: string; userId: string; encounterId?: string; draftOrders?: { type?: string; entry: { resource: Record<string, unknown> }[] } }
  prefetch?: Record<string, { resourceType: string; total?: number }>
}
type Feedback = { feedback: { card: string; outcome: string; acceptedSuggestions?: { id: string }[]; overrideReason?: { reason: object } }[] }

const answered = (page: Page) => expect(page.getByRole('main', { name: 'Cards' })).toHaveAttribute('aria-busy', 'false')
const card = (page: Page, indicator: string) => page.locator(`article[data-indicator=${indicator}]`)
const sent = (requests: Request[], path: string) => requests.filter((r) => new URL(r.url()).pathname === path && r.method() === 'POST')

test.describe('a client that behaves as the reference sandbox', () => {
  let requests: Request[]
  let open: (hook: string, more?: [string, string][]) => Promise<void>

  test.beforeEach(async ({ page, client, server }) => {
    requests = []
    page.on('request', (request) => requests.push(request))
    open = async (hook, more = []) => {
      await client.open('sandbox.html', [
        ['fhirServiceUrl', `${server}/fhir`],
        ['serviceDiscoveryURL', `${server}/cds-services`],
        ['patientId', 'example-cap-anaphylaxis'],
        ['hook', hook],
        ...more,
      ])
      await answered(page)
    }
  })

  test('finds the FHIR server, its patients and the services', async ({ page, server }) => {
    await open('order-sign')
    await expect(page.locator('#server')).toHaveText(`FHIR 4.0.1 at ${server}/fhir`)
    await expect(page.getByRole('list', { name: 'Services' }).getByRole('listitem')).toContainText(['patient-view', 'order-select', 'order-sign'])
    expect(await page.getByLabel('Patient').locator('option').count()).toBeGreaterThanOrEqual(5)
    await expect(page.getByLabel('Treating').locator('option')).toContainText(['', 'Lobärpneumonie'])
    await page.getByLabel('Patient').selectOption('example-urosepsis-ckd')
    await expect(page.getByLabel('Treating').locator('option')).toContainText(['', /sepsis/i])
  })

  test('patient-view: shows options, what they rest on and what was not checked', async ({ page }) => {
    await open('patient-view')
    const options = card(page, 'info')
    await expect(options.getByRole('heading')).toContainText('Ambulant erworbene Pneumonie')
    await expect(options).toContainText('Source: awmf-082-006')
    const first = options.getByRole('region', { name: 'Detail' }).locator('strong').filter({ hasText: /^1\. / }).first()
    await expect(first).toHaveText(/^1\. \p{L}+/u)
    await expect(first).not.toHaveText(/penicillin|cillin\b/i)
    await expect(card(page, 'warning').getByRole('heading')).toContainText([/Allergie gegen Penicillin/, /Nicht geprüft/])

    const [request] = sent(requests, '/cds-services/abs-patient-view')
    const body = request?.postDataJSON() as Body
    expect(body.context).toEqual({ patientId: 'example-cap-anaphylaxis', userId: 'Practitioner/COREPRACTITIONER1' })
    // All that the service asked for was searched by form, and none of it a second time by address.
    expect(Object.keys(body.prefetch ?? {}).sort()).toEqual(
      ['allergies', 'conditions', 'deviceUseStatements', 'devices', 'encounters', 'flags', 'medicationRequests', 'medicationStatements', 'observations', 'patient', 'procedures'].sort(),
    )
    const searches = requests.filter((r) => r.url().includes('/fhir/') && r.method() !== 'OPTIONS' && !/\/(metadata|Patient|Condition\?)/.test(r.url()))
    expect(searches.map((r) => `${r.method()} ${r.url().split('/').pop()}`)).toEqual(Array<string>(10).fill('POST _search'))
    for (const search of searches) expect(search.headers().accept).toBe('application/json+fhir')
  })

  test.describe('in English', () => {
    test.use({ locale: 'en-GB' })
    test('patient-view: speaks the language of the browser', async ({ page }) => {
      await open('patient-view')
      await expect(card(page, 'info').getByRole('heading')).toContainText('Community-acquired pneumonia')
      await expect(card(page, 'warning').getByRole('heading').last()).toContainText('Not checked')
    })
  })

  test('order-select: says nothing of an order without a drug, stops a penicillin, and puts the alternative in its place', async ({ page }) => {
    await open('order-select')
    const [empty] = sent(requests, '/cds-services/abs-order-select')
    const draftOrders = (empty?.postDataJSON() as Body).context.draftOrders
    expect(draftOrders?.type).toBeUndefined()
    expect(draftOrders?.entry[0]?.resource).not.toHaveProperty('intent')
    expect(draftOrders?.entry[0]?.resource).not.toHaveProperty('medicationCodeableConcept')
    await expect(page.getByRole('main', { name: 'Cards' })).toHaveText('No Cards')

    await page.getByLabel('Medication').selectOption({ label: 'Amoxicillin 250 MG Oral Capsule' })
    await expect(card(page, 'critical').getByRole('heading')).toContainText('Amoxicillin ist kontraindiziert: Allergie gegen Penicillin')
    const replace = card(page, 'critical').getByRole('button', { name: /^Ersetzen durch/ })
    const instead = /^Ersetzen durch (\p{L}+)/u.exec((await replace.textContent()) ?? '')?.[1] ?? ''
    await replace.click()

    await expect(page.locator('#prescribed')).toHaveText(instead)
    await answered(page)
    await expect(card(page, 'critical')).toHaveCount(0)
    const [feedback] = sent(requests, '/cds-services/abs-order-select/feedback')
    expect((await feedback?.response())?.status()).toBe(200)
    expect((feedback?.postDataJSON() as Feedback).feedback).toEqual([
      { card: expect.any(String), outcome: 'accepted', acceptedSuggestions: [{ id: expect.any(String) }], outcomeTimestamp: expect.any(String) },
    ])
  })

  test('order-select: removes the order when that is what is accepted', async ({ page }) => {
    await open('order-select')
    await page.getByLabel('Medication').selectOption({ label: 'Amoxicillin 250 MG Oral Capsule' })
    await expect(page.locator('#prescribed')).toHaveText('Amoxicillin 250 MG Oral Capsule')
    await card(page, 'critical').getByRole('button', { name: 'Verordnung entfernen' }).click()
    await expect(page.locator('#prescribed')).toHaveText('')
    await expect(page.getByRole('main', { name: 'Cards' })).toHaveText('No Cards')
  })

  test('order-sign: warns when the button is pressed, and takes an override for a reason', async ({ page }) => {
    await open('order-sign')
    await page.getByLabel('Medication').selectOption({ label: 'Amoxicillin 250 MG Oral Capsule' })
    await page.getByRole('button', { name: 'Sign Order' }).click()
    await answered(page)
    const warning = card(page, 'critical')
    await expect(warning.getByRole('heading')).toContainText('Amoxicillin ist kontraindiziert')
    const reasons = warning.getByLabel('Override reason').locator('option')
    expect(await reasons.count()).toBeGreaterThan(3)
    await expect(reasons.first()).not.toBeEmpty()
    await warning.getByLabel('Override reason').selectOption('patient-refuses')
    await warning.getByRole('button', { name: 'Dismiss' }).click()

    await expect(page.locator('#message')).toHaveText('Feedback sent: overridden')
    await expect(card(page, 'critical')).toHaveCount(0)
    const [feedback] = sent(requests, '/cds-services/abs-order-sign/feedback')
    expect((feedback?.postDataJSON() as Feedback).feedback[0]?.overrideReason).toEqual({
      reason: { code: 'patient-refuses', system: 'http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes' },
    })
  })

  test('order-sign: has nothing to say of a drug that is no antimicrobial', async ({ page }) => {
    await open('order-sign')
    await page.getByLabel('Medication').selectOption({ label: 'Amlodipine 5 MG Oral Tablet' })
    await page.getByRole('button', { name: 'Sign Order' }).click()
    await answered(page)
    await expect(page.getByRole('main', { name: 'Cards' })).toHaveText('No Cards')
  })

  test('markup that a client sends comes back as text', async ({ page }) => {
    // No substance that anybody knows, so that the card must name the order as it came.
    const name = 'Nonsensicillin <img src=x onerror=alert(1)> **bold** [link](https://example.org) <table><tr><td>'
    await open('order-sign', [['medication', name]])
    await page.getByLabel('Medication').selectOption('0')
    await page.getByRole('button', { name: 'Sign Order' }).click()
    await answered(page)
    await expect(card(page, 'warning').getByRole('region', { name: 'Detail' })).toContainText(name.replaceAll('<', '‹'))
    await expect(page.locator('main img, main table, main a')).toHaveCount(0)
  })

  test('what nobody can resolve is asked for all the same, and answered so that the page can read it', async ({ page, client, pages }) => {
    // The client knows the tokens of no user but passes them on.
    const other = `${pages.origin}/other/cds-services`
    const prefetch = {
      role: 'PractitionerRole?practitioner={{userPractitionerId}}',
      user: '{{context.userId}}',
      later: 'Condition?patient={{%patient.id}}',
      known: 'Condition?patient={{context.patientId}}',
    }
    let body: Body | undefined
    await page.route(other, (route) => route.fulfill({ json: { services: [{ id: 'other', hook: 'patient-view', description: 'Another service', prefetch }] } }))
    await page.route(`${other}/other`, (route) => {
      body = route.request().postDataJSON() as Body
      return route.fulfill({ json: { cards: [] } })
    })
    client.expectFailed(400)
    client.expectFailed(404)
    await open('patient-view', [['serviceDiscoveryURL', other]])
    expect(body?.prefetch).toEqual({ known: expect.objectContaining({ resourceType: 'Bundle', total: 2 }) })
    const asked = requests.filter((r) => r.url().includes('/PractitionerRole')).map((r) => `${r.method()} ${r.url().split('/fhir/')[1]} ${r.postData() ?? ''}`.trim())
    expect(asked).toEqual([
      'POST PractitionerRole/_search practitioner=%7B%7BuserPractitionerId%7D%7D',
      'GET PractitionerRole?practitioner=%7B%7BuserPractitionerId%7D%7D',
    ])
  })
})
