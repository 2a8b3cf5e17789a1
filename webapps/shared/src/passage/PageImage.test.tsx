import { MantineProvider } from '@mantine/core'
import { fireEvent, render, screen } from '@testing-library/react'
import { expect, it } from 'vitest'
import { startTexts } from '../i18n/i18n.ts'
import { around, PageImage } from './PageImage.tsx'

startTexts({ de: {}, en: {} }, 'en')

it('puts a box where its points are on the page, and tells those who do not see it the words', () => {
  const { container } = render(
    <MantineProvider>
      <PageImage image="/p.png" width={200} height={400} page={7} boxes={[{ x: 20, y: 100, width: 50, height: 10 }]} text="twice a day" lang="en" />
    </MantineProvider>,
  )
  const mark = container.querySelector<HTMLElement>('[data-mark]')
  expect([mark?.style.left, mark?.style.top, mark?.style.width, mark?.style.height]).toEqual(['10%', '25%', '25%', '2.5%'])
  expect(screen.getByText('twice a day').lang).toBe('en')
  fireEvent.error(screen.getByRole('img', { name: /7/ }))
  expect(screen.queryByRole('img')).toBeNull()
  expect(screen.getByText('twice a day')).toBeTruthy()
})

it('draws one box around all lines', () => {
  expect(around([])).toBeNull()
  expect(around([{ x: 10, y: 10, width: 5, height: 5 }, { x: 2, y: 20, width: 4, height: 5 }])).toEqual({ x: 2, y: 10, width: 13, height: 15 })
})
