// Keeps the page itself and the guidelines that were read, for when there is no network.
// Nothing else: no recommendation, no patient, no case, no search ever goes into a cache,
// and whoever logs out takes the guidelines along.

const shell = 'cdss-shell-1'
const guidelines = 'cdss-guidelines-1'

// The list, the pages of a version, and what is needed to show them.
const readable = /^\/api\/guidelines(\/[^/]+\/versions\/[^/]+\/pages(\/\d+(\/image)?)?)?$/

// Who reads without network: nobody in particular, who may read guidelines and nothing more.
const reader = {
  mode: 'open',
  person: { id: 'offline', name: 'Offline', roles: ['viewer'], permissions: ['evidence:read'] },
  ways: [],
}

self.addEventListener('install', () => self.skipWaiting())
self.addEventListener('activate', (event) => {
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys()) {
        if (name.startsWith('cdss-') && name !== shell && name !== guidelines) await caches.delete(name)
      }
      await self.clients.claim()
    })(),
  )
})

self.addEventListener('fetch', (event) => {
  const { request } = event
  const url = new URL(request.url)
  if (url.origin !== self.location.origin) return
  if (request.method === 'DELETE' && url.pathname === '/api/session') {
    event.waitUntil(caches.delete(guidelines))
    return
  }
  if (request.method !== 'GET' || url.pathname.startsWith('/admin')) return
  if (request.mode === 'navigate' && !/^\/(smart|api|fhir|docs|cds-services)\b/.test(url.pathname)) event.respondWith(page(request))
  else if (url.pathname.startsWith('/assets/')) event.respondWith(asset(request))
  else if (url.pathname === '/api/session') event.respondWith(session(request))
  else if (readable.test(url.pathname)) event.respondWith(guideline(request))
})

// The page is the same at every address. It is kept with its policy and its nonce, under
// an address without anything of the one that was asked for.
async function page(request) {
  try {
    const response = await fetch(request)
    if (response.ok && response.headers.get('Content-Type')?.startsWith('text/html')) {
      const copy = response.clone()
      void caches.open(shell).then((cache) => cache.put('/', copy))
    }
    return response
  } catch (error) {
    const kept = await caches.match('/', { cacheName: shell })
    if (kept) return kept
    throw error
  }
}

// The names of assets hold a hash of what they are.
async function asset(request) {
  const kept = await caches.match(request, { cacheName: shell })
  if (kept) return kept
  const response = await fetch(request)
  if (response.ok) {
    const copy = response.clone()
    void caches.open(shell).then((cache) => cache.put(request, copy))
  }
  return response
}

async function session(request) {
  try {
    const response = await fetch(request)
    // Another person may not be allowed what is kept.
    if (response.ok && !(await response.clone().json()).person) await caches.delete(guidelines)
    return response
  } catch (error) {
    if (!(await caches.has(guidelines))) throw error
    return Response.json(reader)
  }
}

async function guideline(request) {
  try {
    const response = await fetch(request)
    if (response.ok) {
      const copy = response.clone()
      void caches.open(guidelines).then((cache) => cache.put(request.url, copy))
    }
    return response
  } catch (error) {
    const kept = await caches.match(request.url, { cacheName: guidelines })
    if (kept) return kept
    throw error
  }
}
