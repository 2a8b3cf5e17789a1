import '../features/handover/fragment.ts'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { statusQuery } from '@cdss/shared/api/status.ts'
import { startTexts } from '@cdss/shared/i18n/i18n.ts'
import { sessionQuery } from '@cdss/shared/session/session.ts'
import { adoptNonce } from '@cdss/shared/theme/nonce.ts'
import { newQueryClient, Providers } from '@cdss/shared/theme/Providers.tsx'
import { watchForUpdate } from '@cdss/shared/view/update.ts'
import { de } from '../texts/de.ts'
import { en } from '../texts/en.ts'
import { router } from './router.tsx'

adoptNonce()
watchForUpdate()
startTexts({ de, en })

// Guidelines stay readable without network; see offline/sw.js.
if (import.meta.env.PROD) void navigator.serviceWorker?.register('/sw.js').catch(() => undefined)

// What index.html asked for is mostly there by now: the first thing drawn is then the page
// and not its placeholder. An answer that is still on its way is not waited for.
const client = newQueryClient()
const asked = Promise.all([client.prefetchQuery(sessionQuery), navigator.onLine && client.prefetchQuery(statusQuery)])
const shortly = new Promise((resolve) => setTimeout(resolve, 20))

const root = document.getElementById('root')
if (!root) throw new Error('page has no root element')
// No await at the top: it would split the entry into two dozen files.
void Promise.race([asked, shortly]).then(() =>
  createRoot(root).render(
    <StrictMode>
      <Providers client={client}>
        <RouterProvider router={router} />
      </Providers>
    </StrictMode>,
  ),
)
