import { Button, NativeSelect } from '@mantine/core'
import { IconChevronLeft, IconChevronRight } from '@tabler/icons-react'
import { useState, type MouseEvent } from 'react'
import type { Guideline, Passage } from '@cdss/shared/api/types.ts'
import { PageImage } from '@cdss/shared/passage/PageImage.tsx'
import { SourcePage } from '@cdss/shared/passage/SourcePage.tsx'
import { Failure, Loading } from '@cdss/shared/view/States.tsx'
import shapes from '../../guideline/table.module.css'
import { useText } from '../../text.ts'
import { usePage, usePages } from './api.ts'
import classes from './GuidelinePage.module.css'
import { passageOf } from './letters.ts'
import { PassageList } from './PassageList.tsx'
import type { PageOutline } from './types.ts'

type Props = { guideline: Guideline; page: number | null; passage: string | null }

/** Passages on one side, the page they stand on on the other; each leads to the other. */
export function Split({ guideline: g, page: first, passage }: Props) {
  const pages = usePages(g.id)
  const list = pages.data?.pages ?? []
  // A printed page was asked for; pages without numbers count from the first.
  const start = list.find((p) => p.page === first)?.sheet ?? 1
  const [turned, setSheet] = useState<number | null>(null)
  const [chosen, setOnly] = useState<number | null | undefined>(undefined)
  const sheet = turned ?? start
  const only = chosen === undefined ? (first === null ? null : start) : chosen
  const [selected, setSelected] = useState<string | null>(passage)
  const select = (p: Passage) => {
    setSelected(p.id)
    setSheet(p.sheet)
  }
  if (pages.isPending) return <Loading lines={3} />
  if (pages.isError) return <Failure error={pages.error} onRetry={() => void pages.refetch()} />
  return (
    <div className={shapes.columns}>
      <PassageList
        guideline={g}
        pages={list}
        only={only}
        setOnly={(value) => {
          setOnly(value)
          if (value !== null) setSheet(value)
        }}
        selected={selected}
        select={select}
      />
      <Source
        guideline={g}
        pages={list}
        sheet={sheet}
        turn={(to) => {
          setSelected(null)
          setSheet(to)
        }}
        selected={selected}
        pick={(p) => {
          select(p)
          setOnly(p.sheet)
        }}
      />
    </div>
  )
}

/** How a page is named: printed number or label, else its position. */
export function usePageName() {
  const t = useText()
  return (p: PageOutline) => {
    if (p.page !== null) return t('detail.page', { page: p.page })
    if (p.label) return t('detail.page', { page: p.label })
    return p.width > 0 ? t('library.sheet', { sheet: p.sheet }) : t('detail.noPage')
  }
}

type SourceProps = {
  guideline: Guideline
  pages: PageOutline[]
  sheet: number
  turn: (sheet: number) => void
  selected: string | null
  pick: (passage: Passage) => void
}

function Source({ guideline: g, pages, sheet, turn, selected, pick }: SourceProps) {
  const t = useText()
  const nameOf = usePageName()
  const view = usePage(g.id, pages.length > 0 ? sheet : 0)
  const [asText, setAsText] = useState(false)
  const outline = pages.find((p) => p.sheet === sheet)
  const page = view.data
  const passage = page?.passages.find((p) => p.id === selected)
  const pickText = (event: MouseEvent) => {
    const block = event.target instanceof Element ? event.target.closest('p, td, th') : null
    const found = block && page ? passageOf(block.textContent, page.passages) : null
    if (found) pick(found)
  }
  const image = page?.image && !asText ? page.image : ''
  return (
    <section className={shapes.side} aria-labelledby="source" tabIndex={0}>
      <div className="stack-tight">
        <div className="row">
          <h2 id="source">{t('detail.source')}</h2>
          <span role="status">{outline && nameOf(outline)}</span>
          {pages.length > 1 && (
            <span className={classes.turn}>
              <Button size="xs" variant="default" disabled={sheet <= 1} onClick={() => turn(sheet - 1)} aria-label={t('detail.previous')}>
                <IconChevronLeft size={18} aria-hidden="true" />
              </Button>
              <Button
                size="xs"
                variant="default"
                disabled={sheet >= pages.length}
                onClick={() => turn(sheet + 1)}
                aria-label={t('detail.next')}
              >
                <IconChevronRight size={18} aria-hidden="true" />
              </Button>
            </span>
          )}
        </div>
        {page?.image && (
          <NativeSelect
            size="xs"
            maw={200}
            label={t('library.showAs')}
            value={asText ? 'text' : 'image'}
            onChange={(event) => setAsText(event.currentTarget.value === 'text')}
            data={[
              { value: 'image', label: t('library.asImage') },
              { value: 'text', label: t('library.asText') },
            ]}
          />
        )}
        {page?.flags.map((flag) => (
          <p key={flag} className="small">
            <strong>{t(`library.flags.${flag}`)}</strong>
          </p>
        ))}
        {view.isPending && pages.length > 0 && <Loading lines={3} />}
        {view.isError && <Failure error={view.error} onRetry={() => void view.refetch()} />}
        {pages.length === 0 && <p className="muted">{t('detail.noSource')}</p>}
        {page && page.passages.length > 0 && <p className="small muted">{t('library.pickHint')}</p>}
        {page && image && (
          <PageImage
            image={image}
            width={page.width}
            height={page.height}
            page={page.page ?? (page.label || page.sheet)}
            boxes={passage?.boxes}
            text={passage?.quoted}
            lang={passage?.language}
            areas={page.passages.map((p) => ({
              id: p.id,
              title: t(`detail.kind.${p.kind}`),
              boxes: p.boxes ?? [],
              muted: p.disabled,
            }))}
            onPick={(id) => {
              const found = page.passages.find((p) => p.id === id)
              if (found) pick(found)
            }}
          />
        )}
        {page && !image && (
          <div onClick={pickText}>
            <SourcePage text={page.text} lang={g.language} quoted={passage?.quoted} />
          </div>
        )}
      </div>
    </section>
  )
}
