import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from '@playwright/test'
import { texts } from './texts.ts'

export type Role = 'viewer' | 'clinician' | 'curator' | 'approver' | 'admin' | 'auditor'

/** The six people of a demonstration, each with one role. */
export const people: Record<Role, string> = {
  viewer: 'Vera Viewer',
  clinician: 'Clara Clinician',
  curator: 'Kurt Curator',
  approver: 'Anna Approver',
  admin: 'Adam Admin',
  auditor: 'Otto Auditor',
}
export const roles = Object.keys(people) as Role[]

/** What a role may do, from the server's own table. */
export function rightsOf(role: Role): Set<string> {
  const file = join(import.meta.dirname, '..', '..', 'cmd', 'cdss', 'rights.csv')
  const [head = '', ...lines] = readFileSync(file, 'utf8').trim().split('\n')
  const column = head.split(',').indexOf(role)
  if (column < 0) throw new Error(`rights.csv has no column ${role}`)
  return new Set(lines.map((line) => line.split(',')).filter((cells) => cells[column] === 'x').map((cells) => cells[2] ?? ''))
}

/** From the login that stands where the page would be, through the identity provider of the demonstration and back. */
export async function throughProvider(page: Page, role: Role, lang: 'de' | 'en' = 'de'): Promise<void> {
  const t = texts[lang].shared.session
  await page.getByRole('link', { name: t.withProvider.replace('{{name}}', 'Demo') }).click()
  await page.getByRole('button', { name: new RegExp(people[role]) }).click()
  await page.getByRole('button', { name: new RegExp(people[role]) }).waitFor()
}

/** Opens the menu of the person. */
export async function openMenu(page: Page, role: Role, lang: 'de' | 'en' = 'de'): Promise<void> {
  await page.getByRole('button', { name: `${texts[lang].shared.session.menu}: ${people[role]}` }).click()
}

export async function logOut(page: Page, role: Role, lang: 'de' | 'en' = 'de'): Promise<void> {
  await openMenu(page, role, lang)
  await page.getByRole('button', { name: texts[lang].shared.session.logout }).click()
  await page.getByRole('heading', { level: 1, name: texts[lang].shared.session.title }).waitFor()
}
