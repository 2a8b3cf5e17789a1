import '../features/handover/fragment.ts'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { startTexts } from '@cdss/shared/i18n/i18n.ts'
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

const root = document.getElementById('root')
if (!root) throw new Error('page has no root element')
createRoot(root).render(
  <StrictMode>
    <Providers client={newQueryClient()}>
      <RouterProvider router={router} />
    </Providers>
  </StrictMode>,
)
