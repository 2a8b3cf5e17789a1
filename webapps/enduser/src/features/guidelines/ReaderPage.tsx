import { Button, NativeSelect, TextInput } from '@mantine/core'
import { Link, useNavigate } from '@tanstack/react-router'
import { useDeferredValue, useState } from 'react'
import { SourceLine } from '@cdss/shared/clinical/SourceLine.tsx'
import { PageImage } from '@cdss/shared/passage/PageImage.tsx'
import { SourcePage } from '@cdss/shared/passage/SourcePage.tsx'
import { Page } from '@cdss/shared/view/Page.tsx'
import { Failure, Loading } from '@cdss/shared/view/States.tsx'
import { useText } from '../../text.ts'
import { nameOfPage, useFound, useGuidelines, usePage, usePages } from './api.ts'
import classes from './Guidelines.module.css'

/** One guideline, page by page, with search in it. */
export function ReaderPage({ id, sheet }: { id: string; sheet: number }) {
  const t = useText()
  const navigate = useNavigate()
  const guideline = useGuidelines().data?.find((g) => g.id === id)
  const pages = usePages(id)
  const page = usePage(id, sheet)
  const [asText, setAsText] = useState(false)
  const [found, setFound] = useState<string | null>(null)
  const outline = pages.data?.pages ?? []
  const total = pages.data?.total ?? 0
  const marked = page.data?.passages.find((p) => p.id === found)
  const go = (to: number) => void navigate({ to: '/guidelines/$id/p/$sheet', params: { id, sheet: String(to) } })
  return (
    <Page title={t('reader.title')}>
      {guideline && (
        <SourceLine
          source={{ document: guideline.identifier, title: guideline.title, version: guideline.version, page: null, section: '' }}
          expired={guideline.expired}
          validUntil={guideline.validUntil}
        />
      )}
      <div className={classes.reader}>
        <section className="stack-tight" aria-label={t('reader.page')}>
          <nav className="row" aria-label={t('reader.turn')}>
            <Button variant="default" size="xs" disabled={sheet <= 1} onClick={() => go(sheet - 1)}>
              {t('reader.previous')}
            </Button>
            <NativeSelect
              aria-label={t('reader.goTo')}
              value={String(sheet)}
              onChange={(e) => go(Number(e.currentTarget.value))}
              data={outline.map((p) => ({ value: String(p.sheet), label: t('evidence.page', { page: nameOfPage(p) }) }))}
            />
            <Button variant="default" size="xs" disabled={sheet >= total} onClick={() => go(sheet + 1)}>
              {t('reader.next')}
            </Button>
            {page.data?.image && (
              <label className="small">
                <input type="checkbox" checked={asText} onChange={(e) => setAsText(e.currentTarget.checked)} /> {t('reader.asText')}
              </label>
            )}
          </nav>
          {page.isPending && <Loading lines={3} />}
          {page.isError && <Failure error={page.error} onRetry={() => void page.refetch()} />}
          {page.data && (
            <div className={classes.page}>
              {page.data.image && !asText ? (
                <PageImage image={page.data.image} width={page.data.width} height={page.data.height} page={nameOfPage(page.data)} boxes={marked?.boxes} text={marked?.quoted} lang={marked?.language} />
              ) : (
                <SourcePage text={page.data.text} lang={guideline?.language} quoted={marked?.quoted} />
              )}
            </div>
          )}
        </section>
        <div className="stack">
          <Search id={id} onPick={setFound} />
          <Link to="/guidelines">{t('reader.all')}</Link>
        </div>
      </div>
    </Page>
  )
}

function Search({ id, onPick }: { id: string; onPick: (passage: string) => void }) {
  const t = useText()
  const [text, setText] = useState('')
  const needle = useDeferredValue(text.trim())
  const found = useFound(id, needle)
  return (
    <section className="stack-tight" role="search">
      <TextInput label={t('reader.search')} value={text} autoComplete="off" maxLength={100} data-search onChange={(e) => setText(e.currentTarget.value)} />
      {found.isError && <Failure error={found.error} onRetry={() => void found.refetch()} />}
      <p role="status" className="small muted">
        {found.data && t('reader.found', { count: found.data.total })}
      </p>
      <ul className={classes.list}>
        {found.data?.passages.map((p) => (
          <li key={p.id} className={classes.item}>
            <Link to="/guidelines/$id/p/$sheet" params={{ id, sheet: String(p.sheet) }} lang={p.language} onClick={() => onPick(p.id)}>
              {t('evidence.page', { page: p.page ?? p.sheet })}: {p.section.at(-1) ?? p.quoted.slice(0, 60)}
            </Link>
            <span className="small muted" lang={p.language}>
              {excerpt(p.quoted, needle)}
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}

/** Some words around the first place of a text. */
function excerpt(quoted: string, needle: string): string {
  const at = quoted.toLowerCase().indexOf(needle.toLowerCase())
  if (at < 0) return ''
  const [from, to] = [Math.max(0, at - 50), Math.min(quoted.length, at + needle.length + 70)]
  return `${from > 0 ? '… ' : ''}${quoted.slice(from, to).replace(/\s+/g, ' ')}${to < quoted.length ? ' …' : ''}`
}
