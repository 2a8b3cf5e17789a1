import { beforeEach, expect, it, vi } from 'vitest'
import { handle } from './keys.ts'

const handlers = { help: vi.fn(), search: vi.fn() }
const key = (name: string, init: KeyboardEventInit = {}) => handle(new KeyboardEvent('keydown', { key: name, ...init }), handlers)

beforeEach(() => {
  document.body.innerHTML =
    '<input id="i"><article data-card tabindex="-1" id="a"><button data-action="accept"></button></article><article data-card tabindex="-1" id="b"></article>'
})

it('goes from card to card and stays at the ends', () => {
  key('j')
  expect(document.activeElement?.id).toBe('a')
  key('j')
  key('J')
  expect(document.activeElement?.id).toBe('b')
  key('k')
  key('k')
  expect(document.activeElement?.id).toBe('a')
})

it('accepts nothing before a card has the focus', () => {
  const accept = vi.fn()
  document.querySelector('button')?.addEventListener('click', accept)
  key('a')
  expect(accept).not.toHaveBeenCalled()
  expect(document.activeElement?.id).toBe('a')
  key('a')
  expect(accept).toHaveBeenCalledOnce()
})

it('leaves typing and the keys of the browser alone', () => {
  document.getElementById('i')?.focus()
  expect(key('j')).toBe(false)
  document.getElementById('i')?.blur()
  expect(key('j', { ctrlKey: true })).toBe(false)
  expect(key('x')).toBe(false)
})
