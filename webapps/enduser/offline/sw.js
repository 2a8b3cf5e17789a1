// Keeps the app itself and the guidelines that were read, for when there is no network.
// Nothing else: no recommendation, no patient, no case, no question and no search goes
// into a cache. Whoever logs out takes the guidelines along.
//
// The build writes its version and its files in here (vite.config.ts), so that each build
// has a cache of its own and the one before it goes.

const version = '__VERSION__'
const files = ['__FILES__']
const shell = `cdss-shell-${version}`
const guidelines = 'cdss-guidelines'

// The list, the pages of a version, and their images.
const list = '/api/guidelines'
const readable = /^\/api\/guidelines(\/[^/]+\/versions\/[^/]+\/pages(\/\d+(\/image)?)?)?$/
// What the server answers itself is never the app.
const served = /^\/(admin|api|fhir|docs|smart|handover|cds-services|livez|readyz|health)(\/|$)/

// Pages that were opened without network. A page that merely lost it keeps its person.
const opened = new Set()

self.addEventListener('install', (event) => {
  event.waitUntil(
    (async () => {
      const cache = await caches.open(shell)
      await cache.addAll(['/', ...files])
      // The parts of the version before are gone from the server as well.
      await self.skipWaiting()
    })(),
  )
})

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
  if (request.method !== 'GET' || ofAdministration(request)) return
  if (request.mode === 'navigate' && !served.test(url.pathname)) event.respondWith(page(request, event.resultingClientId))
  else if (files.includes(url.pathname)) event.respondWith(file(request))
  else if (url.pathname === '/api/session') event.respondWith(session(request, event.clientId))
  else if (readable.test(url.pathname)) event.respondWith(guideline(request, url))
})

// The administration reads what is not in force yet; none of that is kept.
const ofAdministration = (request) => request.referrer !== '' && new URL(request.referrer).pathname.startsWith('/admin')

// The page is the same at every address. The one of the build stands in for all, with the
// policy and the nonce it came with.
async function page(request, client) {
  try {
    return await fetch(request)
  } catch (error) {
    const kept = await caches.match('/', { cacheName: shell })
    if (!kept) throw error
    opened.add(client)
    return kept
  }
}

async function file(request) {
  return (await caches.match(request, { cacheName: shell, ignoreVary: true })) ?? fetch(request)
}

// Without network the page is told that somebody reads who may read guidelines and nothing
// more, and how old the list of them is: only where guidelines were left here.
async function session(request, client) {
  try {
    const response = await fetch(request)
    if (response.ok && !(await response.clone().json()).person) await caches.delete(guidelines)
    return response
  } catch (error) {
    const kept = await caches.match(list, { cacheName: guidelines })
    if (!kept || !opened.has(client)) throw error
    return Response.json({
      mode: 'required',
      person: { id: 'offline', name: '', roles: [], permissions: ['evidence:read'] },
      ways: [],
      offlineSince: new Date(kept.headers.get('Date') ?? 0).toISOString(),
    })
  }
}

async function guideline(request, url) {
  let response
  try {
    response = await fetch(request)
  } catch (error) {
    const kept = await caches.match(url.pathname, { cacheName: guidelines })
    if (kept) return kept
    throw error
  }
  if (response.ok) {
    const copy = response.clone()
    const cache = await caches.open(guidelines)
    if (url.pathname === list) await forget(cache, await copy.clone().json())
    await cache.put(url.pathname, copy)
  } else if (response.status === 401 || response.status === 403) await caches.delete(guidelines)
  return response
}

// What is no longer in force leaves the device with the next list.
async function forget(cache, { guidelines: current }) {
  const active = new Set(current.filter((g) => g.status === 'active').map((g) => g.id))
  for (const kept of await cache.keys()) {
    const id = new URL(kept.url).pathname.split('/')[3]
    if (id && !active.has(id)) await cache.delete(kept)
  }
}
