import { Button, FileButton, NativeSelect, TextInput } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { SeverityBand } from '@cdss/shared/clinical/SeverityBand.tsx'
import { useLang } from '@cdss/shared/i18n/i18n.ts'
import { useMay } from '@cdss/shared/session/session.ts'
import { Page } from '@cdss/shared/view/Page.tsx'
import { Failure, Loading } from '@cdss/shared/view/States.tsx'
import { useIndications } from '../../guideline/guidelines.ts'
import shapes from '../../guideline/table.module.css'
import { useText } from '../../text.ts'
import { readCsv, writeCsv, type Csv } from './model/csv.ts'
import { RulesNav } from './parts.tsx'
import classes from './rules.module.css'
import { useImport, useImportTables, useTables, type Imported, type TableSet } from './tables.ts'

const files = ['regimens.csv', 'populations.csv', 'advice.csv', 'sources.csv'] as const

/** The house guideline as tables: indication and patients to options, edited in place. */
export function TablePage() {
  const t = useText()
  const [name, setName] = useState('')
  const [asked, setAsked] = useState('')
  const tables = useTables(asked)
  return (
    <Page title={t('rules.nav.table')} lead={t('rules.tableLead')}>
      <RulesNav />
      <form
        className="row"
        onSubmit={(event) => {
          event.preventDefault()
          setAsked(name.trim())
        }}
      >
        <TextInput label={t('rules.setName')} description={t('rules.setNameHint')} value={name} onChange={(event) => setName(event.currentTarget.value)} />
        <Button type="submit" variant="default" mt="auto">
          {t('rules.open')}
        </Button>
      </form>
      {tables.isPending && <Loading lines={4} />}
      {tables.isError && <Failure error={tables.error} onRetry={() => void tables.refetch()} />}
      {tables.data && <Editor key={`${tables.data.name}|${tables.data.version}`} start={tables.data} />}
      <Packages />
    </Page>
  )
}

function Editor({ start }: { start: TableSet }) {
  const t = useText()
  const lang = useLang()
  const may = useMay()
  const indications = useIndications()
  const save = useImportTables()
  const shipped = start.name === 'shipped'
  const [about, setAbout] = useState({
    name: shipped ? 'house' : start.name,
    base: shipped ? `${location.origin}/fhir` : start.base,
    version: shipped ? '1.0.0' : start.version,
    guideline: start.guideline,
  })
  const [tables, setTables] = useState<Record<string, Csv>>(() => Object.fromEntries(Object.entries(start.files).map(([file, text]) => [file, readCsv(text)])))
  const [file, setFile] = useState<string>('regimens.csv')
  const [plan, setPlan] = useState('community-acquired-pneumonia')
  const [fault, setFault] = useState('')
  const table = tables[file]
  const names = useMemo(() => new Map((indications.data?.categories ?? []).flatMap((c) => c.indications.map((i) => [i.code, i[lang]]))), [indications.data, lang])
  const column = table?.head.indexOf('plan') ?? -1
  const plans = [...new Set((tables['regimens.csv']?.rows ?? []).map((row) => row[tables['regimens.csv']?.head.indexOf('plan') ?? 0] ?? ''))]
  const writable = may('rules:write')
  const put = (row: number, col: number, value: string) =>
    table && setTables({ ...tables, [file]: { ...table, rows: table.rows.map((old, i) => (i === row ? old.map((cell, j) => (j === col ? value : cell)) : old)) } })
  const take = async (picked: File[]) => {
    setFault('')
    const read: Record<string, Csv> = {}
    for (const one of picked) {
      if (!(files as readonly string[]).includes(one.name)) {
        setFault(t('rules.wrongFile', { name: one.name, files: files.join(', ') }))
        return
      }
      read[one.name] = readCsv(await one.text())
    }
    setTables({ ...tables, ...read })
  }
  return (
    <div className="stack">
      <div className={shapes.fields}>
        <NativeSelect label={t('rules.file')} value={file} onChange={(event) => setFile(event.currentTarget.value)} data={Object.keys(tables)} />
        {column >= 0 && (
          <NativeSelect
            label={t('rules.indication')}
            value={plan}
            onChange={(event) => setPlan(event.currentTarget.value)}
            data={plans.map((value) => ({ value, label: names.get(value) ?? value }))}
          />
        )}
      </div>
      {table && (
        <div className="scroll-x" tabIndex={0} role="group" aria-label={file}>
          <table className={shapes.table}>
            <thead>
              <tr>
                {table.head.map((head) => (
                  <th key={head} scope="col">
                    {head}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {table.rows.map((row, i) =>
                column >= 0 && row[column] !== plan ? null : (
                  <tr key={i}>
                    {row.map((cell, j) => (
                      <td key={j}>
                        {writable && j !== column ? (
                          <input
                            className={classes.field}
                            aria-label={`${table.head[j] ?? ''}, ${t('rules.row', { row: i + 2 + table.comments.length })}`}
                            value={cell}
                            size={Math.min(Math.max(cell.length, 4), 28)}
                            onChange={(event) => put(i, j, event.currentTarget.value)}
                          />
                        ) : (
                          cell
                        )}
                      </td>
                    ))}
                  </tr>
                ),
              )}
            </tbody>
          </table>
        </div>
      )}
      <div className="row">
        {Object.entries(tables).map(([name, csv]) => (
          <Button key={name} size="compact-sm" variant="default" onClick={() => download(name, writeCsv(csv))}>
            {t('rules.download', { name })}
          </Button>
        ))}
      </div>
      {writable && (
        <>
          <div>
            <FileButton multiple accept=".csv,text/csv" onChange={(picked) => void take(picked)}>
              {(props) => (
                <Button {...props} variant="default">
                  {t('rules.takeCsv')}
                </Button>
              )}
            </FileButton>
          </div>
          {fault && <p role="alert">{fault}</p>}
          <div className={shapes.fields}>
            {(['name', 'base', 'version', 'guideline'] as const).map((field) => (
              <TextInput key={field} label={t(`rules.set.${field}`)} value={about[field]} onChange={(event) => setAbout({ ...about, [field]: event.currentTarget.value })} spellCheck={false} />
            ))}
          </div>
          {save.isError && <Failure error={save.error} />}
          {save.data && <Made made={save.data} />}
          <div>
            <Button
              loading={save.isPending}
              onClick={() => save.mutate({ ...about, files: Object.fromEntries(Object.entries(tables).map(([name, csv]) => [name, writeCsv(csv)])) })}
            >
              {t('rules.makeDrafts')}
            </Button>
          </div>
        </>
      )}
    </div>
  )
}

/** Import and export of whatever rules, as a FHIR Bundle or package. */
function Packages() {
  const t = useText()
  const may = useMay()
  const take = useImport()
  return (
    <section className="stack-tight" aria-label={t('rules.packages')}>
      <h2>{t('rules.packages')}</h2>
      <div className="row">
        <a href="/api/authoring/export?format=package" download>
          {t('rules.exportPackage')}
        </a>
        <a href="/api/authoring/export?format=bundle" download="rules.json">
          {t('rules.exportBundle')}
        </a>
      </div>
      {may('rules:write') && (
        <div>
          <FileButton accept=".json,.tgz,application/json,application/gzip" onChange={(file) => file && take.mutate(file)}>
            {(props) => (
              <Button {...props} variant="default" loading={take.isPending}>
                {t('rules.importPackage')}
              </Button>
            )}
          </FileButton>
        </div>
      )}
      {take.isError && <Failure error={take.error} />}
      {take.data && <Made made={take.data} />}
    </section>
  )
}

function Made({ made }: { made: Imported }) {
  const t = useText()
  const lang = useLang()
  const plans = made.made.filter((rule) => rule.type === 'PlanDefinition')
  return (
    <div role="status">
      <SeverityBand indicator="info" title={t('rules.made', { count: made.made.length })}>
        <ul>
          {plans.slice(0, 20).map((rule) => (
            <li key={rule.id}>
              <Link to="/rules/$type/$id" params={{ type: rule.type, id: rule.id }}>
                {rule.title[lang] || rule.id}
              </Link>
            </li>
          ))}
        </ul>
        {made.skipped.length > 0 && (
          <details>
            <summary>{t('rules.skippedCount', { count: made.skipped.length })}</summary>
            <ul className="small">
              {made.skipped.slice(0, 100).map((s, i) => (
                <li key={i}>
                  <span className="code">{s.ref}</span>: {s.reason}
                </li>
              ))}
            </ul>
          </details>
        )}
      </SeverityBand>
    </div>
  )
}

function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/csv' }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  URL.revokeObjectURL(url)
}
