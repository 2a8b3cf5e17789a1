import { Button, NativeSelect, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useEffect, useRef, useState } from 'react'
import type { Guideline, Passage } from '@cdss/shared/api/types.ts'
import { Failure, Loading } from '@cdss/shared/view/States.tsx'
import shapes from '../../guideline/table.module.css'
import { useText } from '../../text.ts'
import { usePassages } from './api.ts'
import { PassageCard } from './PassageCard.tsx'
import { usePageName } from './Split.tsx'
import type { PageOutline } from './types.ts'

type Props = {
  guideline: Guideline
  pages: PageOutline[]
  /** Position of the one page whose passages are listed, or null for all. */
  only: number | null
  setOnly: (sheet: number | null) => void
  selected: string | null
  select: (passage: Passage) => void
}

/** The passages of a version, fifty at a time, by page and words. */
export function PassageList({ guideline: g, pages, only, setOnly, selected, select }: Props) {
  const t = useText()
  const nameOf = usePageName()
  const [typed, setTyped] = useState('')
  const [q] = useDebouncedValue(typed.trim(), 250)
  const passages = usePassages(g.id, only, q)
  const list = passages.data?.pages.flatMap((part) => part.passages) ?? []
  const total = passages.data?.pages[0]?.total ?? 0
  const items = useRef<HTMLUListElement>(null)
  const there = list.some((p) => p.id === selected)
  useEffect(() => {
    if (there) items.current?.querySelector('[data-selected]')?.scrollIntoView({ block: 'nearest' })
  }, [selected, there])
  return (
    <section className="stack" aria-labelledby="passages">
      <h2 id="passages">{t('detail.passages')}</h2>
      <div className={shapes.fields}>
        <TextInput label={t('detail.search')} value={typed} onChange={(event) => setTyped(event.currentTarget.value)} maxLength={200} />
        {pages.length > 1 && (
          <NativeSelect
            label={t('detail.goto')}
            value={only === null ? '' : String(only)}
            onChange={(event) => setOnly(event.currentTarget.value === '' ? null : Number(event.currentTarget.value))}
            data={[{ value: '', label: t('detail.allPages') }, ...pages.map((p) => ({ value: String(p.sheet), label: nameOf(p) }))]}
          />
        )}
      </div>
      {passages.isPending && <Loading lines={3} />}
      {passages.isError && <Failure error={passages.error} onRetry={() => void passages.refetch()} />}
      {passages.data && (
        <p role="status" className="small muted">
          {total === 0 ? t('detail.none') : t('detail.count', { count: total })}
        </p>
      )}
      <ul className={shapes.plain} ref={items}>
        {list.map((passage) => (
          <PassageCard key={passage.id} guideline={g} passage={passage} selected={passage.id === selected} onShow={() => select(passage)} />
        ))}
      </ul>
      {passages.hasNextPage && (
        <div>
          <Button variant="default" loading={passages.isFetchingNextPage} onClick={() => void passages.fetchNextPage()}>
            {t('detail.more')}
          </Button>
        </div>
      )}
    </section>
  )
}
