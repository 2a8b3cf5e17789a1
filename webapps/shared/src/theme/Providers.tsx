import './mantine.css'
import './tokens.css'
import './base.css'
import { localStorageColorSchemeManager, MantineProvider } from '@mantine/core'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { ApiError } from '../api/error.ts'
import { pageNonce } from './nonce.ts'
import { resolver, theme } from './theme.ts'

const colorScheme = localStorageColorSchemeManager({ key: 'cdss-theme' })

/** Answers live in memory only and are asked for again only on purpose. */
export function newQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 30_000,
        refetchOnWindowFocus: false,
        networkMode: 'always',
        // A busy or unreachable server is tried once more, a refusal is not.
        retry: (count, error) => count < 1 && error instanceof ApiError && (error.fault === 'busy' || error.fault === 'offline'),
        retryDelay: 800,
      },
      mutations: { networkMode: 'always', retry: false },
    },
  })
}

export function Providers({ client, children }: { client: QueryClient; children: ReactNode }) {
  return (
    <MantineProvider
      theme={theme}
      cssVariablesResolver={resolver}
      defaultColorScheme="auto"
      colorSchemeManager={colorScheme}
      getStyleNonce={pageNonce}
    >
      <QueryClientProvider client={client}>{children}</QueryClientProvider>
    </MantineProvider>
  )
}
