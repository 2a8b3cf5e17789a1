import { MantineProvider } from '@mantine/core'
import { render, screen } from '@testing-library/react'
import { describe, expect, it } from 'vitest'
import { startTexts } from '../i18n/i18n.ts'
import { DoseLine } from './DoseLine.tsx'

describe('DoseLine', () => {
  it('shows what an ingredient needs to be prescribed', () => {
    startTexts({ de: {}, en: {} }, 'de')
    render(
      <MantineProvider>
        <DoseLine
          ingredient={{
            atc: 'J01XA01',
            name: 'Vancomycin',
            dose: { value: 15, unit: 'mg/kg', parts: null },
            frequency: { count: 1, period: 12, periodUnit: 'h' },
            schedule: null,
            route: 'iv',
            duration: { low: 7, high: 10, unit: 'd' },
            infusion: 'über 60 min',
            loadingDose: '25 mg/kg',
            adjustments: [],
            text: '',
          }}
        />
      </MantineProvider>,
    )
    expect(screen.getByText('Vancomycin')).toBeTruthy()
    const shown = document.body.textContent?.replace(/[\u00a0\u202f]/g, ' ')
    expect(shown).toContain('15 mg/kg')
    expect(shown).toContain('alle 12 h')
    expect(shown).toContain('Initialdosis: 25 mg/kg')
    expect(shown).toContain('Infusion: über 60 min')
  })
})
