import type { Library } from 'fhir/r4'
import { withWords, type Words } from './resource.ts'

// The CQL that a Library carries.

const typ = 'text/cql'

/** The source, null where the Library carries none in CQL. */
export function sourceOf(library: Library): string | null {
  const data = library.content?.find((c) => c.contentType === typ)?.data
  if (data === undefined) return null
  return new TextDecoder().decode(Uint8Array.from(atob(data), (c) => c.charCodeAt(0)))
}

/** The same Library with another source; what was made of the old one goes. */
export function withSource(library: Library, source: string): Library {
  const data = btoa(Array.from(new TextEncoder().encode(source), (byte) => String.fromCharCode(byte)).join(''))
  const others = (library.content ?? []).filter((c) => c.contentType !== typ && !c.contentType?.startsWith('application/elm'))
  return { ...library, content: [...others, { contentType: typ, data }] }
}

/** The definitions of a source, by name as they stand in it. */
export function definitionsOf(source: string): string[] {
  return [...source.matchAll(/^\s*define\s+(?:public\s+|private\s+)?(?!(?:fluent\s+)?function\b)("(?:[^"\\]|\\.)*"|[\p{L}_][\p{L}\p{N}_]*)\s*:/gmu)].map((m) => m[1] ?? '')
}

type Start = { title: Words; id: string; url: string }

export function newLibrary({ title, id, url }: Start): Library {
  const name = id.replace(/(^|-)([a-z0-9])/g, (_, __, letter: string) => letter.toUpperCase())
  const word = /^[A-Z]/.test(name) ? name : `Library${name}`
  const library: Library = {
    resourceType: 'Library',
    id,
    language: 'de',
    url,
    version: '1.0.0',
    name: word,
    status: 'draft',
    type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/library-type', code: 'logic-library' }] },
  }
  const source = `library ${word} version '1.0.0'\nusing FHIR version '4.0.1'\ninclude FHIRHelpers version '4.0.1'\n\ncontext Patient\n\ndefine "Adult": AgeInYears() >= 18\n`
  return withSource(withWords(library, 'title', title), source)
}
