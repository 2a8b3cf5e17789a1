// Medplum's client as its authors publish it, told nothing but the address of a
// server. The page adds only a place where cards are shown.
import { MedplumClient, OperationOutcomeError, buildCdsRequest } from '@medplum/core'
import type { CdsCard } from '@medplum/core'

export type MedplumPage = {
  client: MedplumClient
  buildCdsRequest: typeof buildCdsRequest
  OperationOutcomeError: typeof OperationOutcomeError
  show: (cards: readonly CdsCard[]) => void
}

const page: MedplumPage = {
  client: new MedplumClient({ baseUrl: new URLSearchParams(location.search).get('server') ?? '', fhirUrlPath: 'fhir' }),
  buildCdsRequest,
  OperationOutcomeError,
  show: (cards) => {
    document.getElementById('cards')?.replaceChildren(
      ...cards.map((card) => {
        const article = document.createElement('article')
        article.dataset.indicator = card.indicator
        const summary = document.createElement('h2')
        summary.textContent = card.summary
        const detail = document.createElement('p')
        detail.textContent = card.detail ?? ''
        const source = document.createElement('footer')
        source.textContent = card.source?.label ?? ''
        article.append(summary, detail, source)
        return article
      }),
    )
  },
}
Object.assign(window, page)
