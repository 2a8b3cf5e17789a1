import { Button, NativeSelect, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useDeferredValue, useState } from 'react'
import { SourceLine } from '@cdss/shared/clinical/SourceLine.tsx'
import { formatNumber } from '@cdss/shared/format/number.ts'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { PageImage } from '@cdss/shared/passage/PageImage.tsx'
import { SourcePage } from '@cdss/shared/passage/SourcePage.tsx'
import { useOfflineSince } from '@cdss/shared/session/session.ts'
import { Page } from '@cdss/shared/view/Page.tsx'
import { Failure, Loading } from '@cdss/shared/view/States.tsx'
import { useText } from '../../text.ts'
import { fetchPage, nameOfPage, useFound, useGuidelines, usePage, usePages, type PageOutline } from './api.ts'
import classes from './Guidelines.module.css'

/** One guideline, page by page, with search in it. */
export function ReaderPage({ id, sheet }: { id: string; sheet: number }) {
  const t = useText()
  const navigate = useNavigate()
  const offline = useOfflineSince() !== undefined
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
          {!offline && <Search id={id} onPick={setFound} />}
          {!offline && <Offline id={id} outline={outline} />}
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

/** Reads all pages once, so that they are there without network. */
function Offline({ id, outline }: { id: string; outline: PageOutline[] }) {
  const t = useText()
  const lang = useLang()
  const [done, setDone] = useState(0)
  const load = useMutation({
    mutationFn: async () => {
      setDone(0)
      // With the list, which the reader finds this guideline in.
      const answers = await Promise.all(['/api/guidelines', `/api/guidelines/${id}/versions/${id}/pages?limit=2000`].map((address) => fetch(address)))
      if (!answers.every((answer) => answer.ok)) throw new Error('a part of the guideline could not be read')
      for (const { sheet } of outline) {
        const page = await fetchPage(id, sheet)
        if (page.image && !(await fetch(page.image)).ok) throw new Error('a page could not be read')
        setDone((n) => n + 1)
      }
    },
  })
  if (!('serviceWorker' in navigator) || !navigator.serviceWorker.controller || outline.length === 0) return null
  return (
    <section className="stack-tight" aria-label={t('reader.offline')}>
      <div>
        <Button variant="default" size="xs" loading={load.isPending} onClick={() => load.mutate()}>
          {t('reader.offline')}
        </Button>
      </div>
      <p role="status" className="small muted">
        {load.isSuccess
          ? t('reader.offlineDone')
          : load.isPending
            ? t('reader.offlineProgress', { done: formatNumber(done, lang), total: formatNumber(outline.length, lang) })
            : t('reader.offlineHint')}
      </p>
      {load.isError && <Failure error={load.error} onRetry={() => load.mutate()} />}
    </section>
  )
}
