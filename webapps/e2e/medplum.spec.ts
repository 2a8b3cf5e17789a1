import type { BundleEntry, PlanDefinition } from 'fhir/r4'
import { expect, test } from './origin.ts'
import type { MedplumPage } from './medplum-page.ts'

declare const window: Window & MedplumPage

const plan = (name: string) => ({
  resourceType: 'PlanDefinition' as const,
  status: 'draft' as const,
  experimental: true,
  url: `https://example.org/fhir/PlanDefinition/${name}`,
  name,
  title: 'Made by a client that knows nothing of this server',
})

test.describe('@medplum/core in a browser', () => {
  test.beforeEach(async ({ client, server }) => {
    await client.open('medplum.html', [['server', server]])
  })

  test('keeps a PlanDefinition: creates, finds, updates, reads its history, deletes', async ({ page, client }) => {
    const name = `Medplum${Date.now()}`
    const made = await page.evaluate((resource) => window.client.createResource(resource), plan(name))
    expect(made).toMatchObject({ ...plan(name), meta: { versionId: '1', lastUpdated: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T/) } })

    const found = await page.evaluate(
      async ({ name, url }) => ({
        byName: (await window.client.searchResources('PlanDefinition', { name })).map((r) => r.id),
        byAddress: (await window.client.searchOne('PlanDefinition', { url }))?.id,
        counted: (await window.client.search('PlanDefinition', { name, _total: 'accurate', _count: 1, _sort: '-_lastUpdated' })).total,
        none: await window.client.searchResources('PlanDefinition', { name: 'nobody-made-this' }),
      }),
      { name, url: plan(name).url },
    )
    expect(found).toMatchObject({ byName: [made.id], byAddress: made.id, counted: 1 })
    expect(found.none).toHaveLength(0)

    const changed = await page.evaluate(
      (resource) => window.client.updateResource({ ...resource, title: 'Changed' }, { headers: { 'If-Match': 'W/"1"' } }),
      made,
    )
    expect(changed).toMatchObject({ id: made.id, title: 'Changed', meta: { versionId: '2' } })

    client.expectFailed(412)
    const stale = await page.evaluate(async (resource) => {
      try {
        await window.client.updateResource({ ...resource, title: 'Too late' }, { headers: { 'If-Match': 'W/"1"' } })
        return 'stored'
      } catch (error) {
        return error instanceof window.OperationOutcomeError ? error.outcome.issue : String(error)
      }
    }, made)
    expect(stale).toEqual([expect.objectContaining({ severity: 'error', code: 'conflict', diagnostics: expect.stringContaining('2') })])

    const history = await page.evaluate(async (id) => {
      const bundle = await window.client.readHistory('PlanDefinition', id)
      const first = await window.client.readVersion('PlanDefinition', id, '1')
      return { titles: bundle.entry?.map((entry: BundleEntry<PlanDefinition>) => entry.resource?.title), type: bundle.type, first: first.title }
    }, made.id)
    expect(history).toEqual({ type: 'history', titles: ['Changed', plan(name).title], first: plan(name).title })

    const again = await page.evaluate(
      async (resource) => (await window.client.createResourceIfNoneExist(resource, `url=${encodeURIComponent(resource.url)}`)).id,
      plan(name),
    )
    expect(again).toBe(made.id)

    client.expectFailed(410)
    const gone = await page.evaluate(async (id) => {
      await window.client.deleteResource('PlanDefinition', id)
      try {
        return await window.client.readResource('PlanDefinition', id, { cache: 'reload' })
      } catch (error) {
        return error instanceof window.OperationOutcomeError ? error.outcome.issue?.[0]?.code : String(error)
      }
    }, made.id)
    expect(gone).toBe('deleted')
  })

  test('is told what is wrong with a resource, and where', async ({ page, client }) => {
    client.expectFailed(422)
    const refused = await page.evaluate(async (resource) => {
      try {
        await window.client.createResource({ ...resource, status: 'sometimes' as 'draft' })
        return 'stored'
      } catch (error) {
        return error instanceof window.OperationOutcomeError ? error.outcome.issue : String(error)
      }
    }, plan('Refused'))
    expect(refused).toContainEqual(expect.objectContaining({ severity: 'error', expression: ['PlanDefinition.status'] }))
  })

  test('pages through patients and reads several things at once', async ({ page }) => {
    const read = await page.evaluate(async () => {
      const pages: number[] = []
      const ids = new Set<string>()
      for await (const list of window.client.searchResourcePages('Patient', { _count: 2 })) {
        pages.push(list.length)
        for (const patient of list) ids.add(patient.id)
      }
      const id = [...ids][0]
      const batch = await window.client.executeBatch({
        resourceType: 'Bundle',
        type: 'batch',
        entry: [{ request: { method: 'GET', url: `Patient/${id}` } }, { request: { method: 'GET', url: 'Patient/nobody' } }],
      })
      const reference = await window.client.readReference({ reference: `Patient/${id}` })
      return {
        ids: ids.size,
        listed: pages.reduce((sum, n) => sum + n, 0),
        most: Math.max(...pages),
        batch: batch.entry?.map((entry: BundleEntry) => entry.response?.status.slice(0, 3)),
        reference: reference.resourceType,
      }
    })
    expect(read.ids).toBeGreaterThanOrEqual(5)
    expect(read).toEqual({ ids: read.ids, listed: read.ids, most: 2, batch: ['200', '404'], reference: 'Patient' })
  })

  for (const { locale, words } of [
    { locale: 'de-DE', words: { options: 'Ambulant erworbene Pneumonie', order: 'Amoxicillin ist kontraindiziert' } },
    { locale: 'en-GB', words: { options: 'Community-acquired pneumonia', order: 'Amoxicillin is contraindicated' } },
  ]) {
    test.describe(locale, () => {
      test.use({ locale })
      test('discovers the services, calls each with the prefetch it resolved, shows cards, sends feedback', async ({ page }) => {
        const services = await page.evaluate(async () => (await window.client.getCdsServices()).services.map(({ id, hook }) => ({ id, hook })))
        expect(services).toEqual(
          expect.arrayContaining([
            { id: 'abs-patient-view', hook: 'patient-view' },
            { id: 'abs-order-select', hook: 'order-select' },
            { id: 'abs-order-sign', hook: 'order-sign' },
          ]),
        )
        for (const id of ['abs-patient-view', 'abs-order-select', 'abs-order-sign']) {
          const { keys, answers } = await page.evaluate(async (id) => {
            const service = (await window.client.getCdsServices()).services.find((s) => s.id === id)
            if (!service) throw new Error(`no service ${id}`)
            const patient = await window.client.readResource('Patient', 'example-cap-anaphylaxis')
            const draft = {
              resourceType: 'MedicationRequest',
              id: 'draft-1',
              status: 'draft',
              intent: 'order',
              subject: { reference: `Patient/${patient.id}` },
              medicationCodeableConcept: {
                coding: [{ system: 'http://www.nlm.nih.gov/research/umls/rxnorm', code: '308182', display: 'Amoxicillin 250 MG Oral Capsule' }],
                text: 'Amoxicillin 250 MG Oral Capsule',
              },
            }
            const orders = { draftOrders: { resourceType: 'Bundle', type: 'collection', entry: [{ resource: draft }] } }
            const context = {
              userId: 'Practitioner/example',
              patientId: patient.id,
              ...(service.hook === 'patient-view' ? {} : orders),
              ...(service.hook === 'order-select' ? { selections: [`MedicationRequest/${draft.id}`] } : {}),
            }
            const request = await window.buildCdsRequest(window.client, { resourceType: 'Practitioner', id: 'example' }, service, context)
            const response = await window.client.callCdsService(id, request)
            window.show(response.cards)
            const feedback = response.cards.map((card) => {
              const suggestion = card.suggestions?.[0]?.uuid
              return {
                card: card.uuid,
                outcomeTimestamp: new Date().toISOString(),
                ...(suggestion
                  ? { outcome: 'accepted', acceptedSuggestions: [{ id: suggestion }] }
                  : { outcome: 'overridden', overrideReason: { userComment: 'seen' } }),
              }
            })
            // The same twice: a client that is not sure repeats itself.
            const address = `${window.client.getCdsServicesUrl()}/${id}/feedback`
            await window.client.post(address, { feedback }, 'application/json')
            await window.client.post(address, { feedback }, 'application/json')
            return {
              keys: Object.entries(request.prefetch ?? {}).map(([key, value]) => `${key} ${(value as { resourceType?: string } | null)?.resourceType}`),
              answers: response.cards.map((card) => Boolean(card.uuid && card.source?.label)),
            }
          }, id)
          expect(keys).toContain('patient Patient')
          expect(keys).toContain('allergies Bundle')
          expect(keys.every((key) => /Bundle$|^patient Patient$/.test(key)), String(keys)).toBe(true)
          expect(answers.length).toBeGreaterThan(0)
          expect(answers).not.toContain(false)

          const first = page.getByRole('article').first()
          if (id === 'abs-patient-view') await expect(first.getByRole('heading')).toContainText(words.options)
          else {
            await expect(first).toHaveAttribute('data-indicator', 'critical')
            await expect(first.getByRole('heading')).toContainText(words.order, { ignoreCase: true })
          }
        }
      })
    })
  }
})
