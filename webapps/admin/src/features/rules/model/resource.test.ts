import type { PlanDefinitionAction } from 'fhir/r4'
import { expect, it } from 'vitest'
import { changeAction, citation, effectOf, kindOf, newPlan, slug, sourcesOf, substancesOf, withEffect, withSubstances, withWords, wordsOf } from './resource.ts'

it('reads both languages and keeps a third', () => {
  const french = { url: 'http://hl7.org/fhir/StructureDefinition/translation', extension: [{ url: 'lang', valueCode: 'fr' }] }
  const plan = withWords({ title: 'Niere', _title: { extension: [french] } }, 'title', { de: 'Niere', en: 'Kidney' })
  expect(wordsOf(plan, 'title')).toEqual({ de: 'Niere', en: 'Kidney' })
  expect(withWords(plan, 'title', { de: '', en: '' })).toEqual({ _title: { extension: [french] } })
})

it('makes a rule on substances that says what it is', () => {
  const plan = newPlan({ kind: 'substances', title: { de: 'Hausregel', en: 'House rule' }, id: 'house-rule', url: 'https://h.example/PlanDefinition/house-rule', indication: '' })
  expect(kindOf(plan)).toBe('substances')
  const [action] = plan.action ?? []
  expect(action && effectOf(action)).toEqual({ effect: 'warn', reason: 'other', applies: 'both', route: '' })
  expect(action?.id).toBe('house-rule')
})

it('keeps what it does not know of an action', () => {
  const action: PlanDefinitionAction = { id: 'a', extension: [{ url: 'https://other.example/x', valueBoolean: true }] }
  const changed = withEffect(withSubstances(action, ['J01CR', '-J01CR02']), { effect: 'exclude', reason: 'other', applies: 'orders', route: '' })
  expect(substancesOf(changed)).toEqual(['J01CR', '-J01CR02'])
  expect(effectOf(changed).applies).toBe('orders')
  expect(withSubstances(changed, []).extension?.map((e) => e.url)).toEqual(['https://other.example/x', 'https://cdss.example/fhir/StructureDefinition/effect'])
})

it('binds a citation to a place', () => {
  const source = { document: 'awmf-082-006', version: '2018', page: 80, section: 'Aminoglykoside', hash: 'ab', words: 'S2k, S. 80', url: '' }
  expect(sourcesOf({ documentation: [{ type: 'documentation' }, citation(source)] })).toEqual([{ at: 1, source }])
})

it('changes one action of a tree, and takes one out', () => {
  const tree: PlanDefinitionAction[] = [{ id: 'a', action: [{ id: 'b' }, { id: 'c' }] }]
  expect(changeAction(tree, [0, 1], (x) => ({ ...x, title: 'C' }))[0]?.action?.[1]).toEqual({ id: 'c', title: 'C' })
  expect(changeAction(tree, [0, 0], () => null)[0]?.action).toEqual([{ id: 'c' }])
})

it('makes an id of words', () => {
  expect(slug('Große Dosis: über 70 kg!')).toBe('grosse-dosis-ueber-70-kg')
})
