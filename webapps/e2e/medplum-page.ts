// Medplum's client, as its authors publish it, on a page of another origin. The
// page adds nothing but a place where cards are shown.
import * as medplum from '@medplum/core'
import type { CdsCard } from '@medplum/core'

export type MedplumPage = { medplum: typeof medplum; show: (cards: readonly CdsCard[]) => void }

const page: MedplumPage = {
  medplum,
  show: (cards) => {
    document.getElementById('cards')?.replaceChildren(
      ...cards.map((card) => {
        const article = document.createElement('article')
        article.dataset.indicator = card.indicator
        const summary = document.createElement('h2')
        summary.textContent = card.summary
        const detail = document.createElement('div')
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
