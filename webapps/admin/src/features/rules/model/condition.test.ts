import { expect, it } from 'vitest'
import { readCondition, readNumber, writeCondition } from './condition.ts'

const round = (text: string) => {
  const read = readCondition(text)
  return read && writeCondition(read)
}

it('reads what it writes', () => {
  for (const text of [
    '',
    '%age >= 65',
    '%epilepsy',
    '%dialysis.not()',
    "%severity = 'septic' and %egfrCkdEpi2021 < 30.5",
    "%indication = 'sepsis' and (%site = 'lung' or %mrsa)",
    "%medications.exists($this.startsWith('C03')).not()",
    "%pathogens.exists($this.startsWith('o\\'neill'))",
  ]) {
    expect(round(text)).toBe(text)
  }
})

it('keeps the binding of and before or', () => {
  expect(round('%mrsa or %vre and %icu')).toBe('%mrsa or (%vre and %icu)')
  expect(round('(%mrsa or %vre) and %icu')).toBe('(%mrsa or %vre) and %icu')
})

it('leaves alone what sentences cannot say', () => {
  for (const text of ['%age >=', 'Patient.gender = \'male\'', '%a xor %b', '%conditions.count() > 2', '%age >= 65 years', '%age ~ 3', "%a = 'open"]) {
    expect(readCondition(text)).toBeNull()
  }
})

it('takes a number with comma or point', () => {
  expect(readNumber('0,5')).toBe('0.5')
  expect(readNumber(' 12 ')).toBe('12')
  expect(readNumber('1.000,5')).toBeNull()
  expect(readNumber('x')).toBeNull()
})
