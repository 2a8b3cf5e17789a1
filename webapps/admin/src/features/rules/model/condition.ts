// Conditions as sentences: the part of FHIRPath that people need who do not
// program, there and back. What is beyond it stays text and is shown as text.

/** One comparison of a fact. Without a value the fact is yes or no. */
export type Term =
  | { kind: 'yes'; fact: string; negated: boolean }
  | { kind: 'compare'; fact: string; op: Op; value: string; text: boolean }
  | { kind: 'among'; fact: string; code: string; negated: boolean }
export type Group = { kind: 'group'; join: 'and' | 'or'; parts: Part[] }
export type Part = Term | Group

export const ops = ['=', '!=', '<', '<=', '>', '>='] as const
export type Op = (typeof ops)[number]

type Token = { text: string; kind: 'name' | 'number' | 'string' | 'sign' }

const pattern = /\s*(?:%([A-Za-z][A-Za-z0-9]*)|(\d+(?:\.\d+)?)|'((?:[^'\\]|\\.)*)'|(<=|>=|!=|[=<>().$]|[A-Za-z][A-Za-z0-9]*))/y

function tokens(text: string): Token[] | null {
  const list: Token[] = []
  pattern.lastIndex = 0
  const whole = text.trimEnd()
  while (pattern.lastIndex < whole.length) {
    const match = pattern.exec(whole)
    if (!match) return null
    if (match[1] !== undefined) list.push({ kind: 'name', text: match[1] })
    else if (match[2] !== undefined) list.push({ kind: 'number', text: match[2] })
    else if (match[3] !== undefined) list.push({ kind: 'string', text: match[3].replace(/\\(.)/g, '$1') })
    else list.push({ kind: 'sign', text: match[4] ?? '' })
  }
  return list
}

class Unread extends Error {}

/** Reads an expression as sentences, null where it says more than they can. An empty one is an empty group. */
export function readCondition(text: string): Group | null {
  if (text.trim() === '') return { kind: 'group', join: 'and', parts: [] }
  const list = tokens(text)
  if (!list) return null
  let at = 0
  const peek = (sign: string, ahead = 0) => list[at + ahead]?.kind === 'sign' && list[at + ahead]?.text === sign
  const take = (sign: string) => {
    if (!peek(sign)) throw new Unread()
    at++
  }
  const call = (...signs: string[]) => {
    const there = signs.every((sign, i) => peek(sign, i))
    if (there) at += signs.length
    return there
  }
  const joined = (join: 'and' | 'or', inner: () => Part): Part => {
    const first = inner()
    const parts = [first]
    while (peek(join)) {
      at++
      parts.push(inner())
    }
    return parts.length === 1 ? first : { kind: 'group', join, parts }
  }
  const any = (): Part => joined('or', () => joined('and', one))
  const one = (): Part => {
    if (peek('(')) {
      at++
      const inner = any()
      take(')')
      return inner
    }
    const name = list[at]
    if (name?.kind !== 'name') throw new Unread()
    at++
    if (call('.', 'not', '(', ')')) return { kind: 'yes', fact: name.text, negated: true }
    if (call('.', 'exists', '(', '$', 'this', '.', 'startsWith', '(')) {
      const code = list[at++]
      if (code?.kind !== 'string') throw new Unread()
      take(')')
      take(')')
      return { kind: 'among', fact: name.text, code: code.text, negated: call('.', 'not', '(', ')') }
    }
    const op = ops.find((sign) => peek(sign))
    if (!op) return { kind: 'yes', fact: name.text, negated: false }
    at++
    const value = list[at++]
    if (value?.kind !== 'number' && value?.kind !== 'string') throw new Unread()
    return { kind: 'compare', fact: name.text, op, value: value.text, text: value.kind === 'string' }
  }
  try {
    const part = any()
    if (at !== list.length) return null
    return part.kind === 'group' ? part : { kind: 'group', join: 'and', parts: [part] }
  } catch (error) {
    if (error instanceof Unread) return null
    throw error
  }
}

const quoted = (text: string) => `'${text.replace(/[\\']/g, '\\$&')}'`

function writePart(part: Part): string {
  switch (part.kind) {
    case 'yes':
      return `%${part.fact}${part.negated ? '.not()' : ''}`
    case 'among':
      return `%${part.fact}.exists($this.startsWith(${quoted(part.code)}))${part.negated ? '.not()' : ''}`
    case 'compare':
      return `%${part.fact} ${part.op} ${part.text ? quoted(part.value) : part.value}`
    case 'group': {
      const inner = writeCondition(part)
      return inner === '' || part.parts.length < 2 ? inner : `(${inner})`
    }
  }
}

/** Writes sentences as FHIRPath. */
export function writeCondition(group: Group): string {
  return group.parts
    .map(writePart)
    .filter((text) => text !== '')
    .join(` ${group.join} `)
}

/** A number as it was typed, with comma or point, as FHIRPath has it; null where it is none. */
export function readNumber(text: string): string | null {
  const plain = text.trim().replace(',', '.')
  return /^\d+(\.\d+)?$/.test(plain) ? plain : null
}
