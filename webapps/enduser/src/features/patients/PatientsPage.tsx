import { Button, NativeSelect, Radio, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { call } from '@cdss/shared/api/call.ts'
import { SeverityBand } from '@cdss/shared/clinical/SeverityBand.tsx'
import { formatDate } from '@cdss/shared/format/date.ts'
import { useLang, useShared } from '@cdss/shared/i18n/i18n.ts'
import { Page } from '@cdss/shared/view/Page.tsx'
import { Empty, Failure, Loading } from '@cdss/shared/view/States.tsx'
import { openCase } from '../../case/cases.ts'
import fields from '../../case/fields.module.css'
import { useText } from '../../text.ts'
import { useServers } from '../../servers/api.ts'
import { LaunchLinks } from '../../servers/LaunchLinks.tsx'
import classes from './PatientsPage.module.css'

type Query = { server: string; id?: string; name?: string; birthDate?: string }
type Patient = { reference: string; name: string; gender: string; birthDate: string; age: number | null; deceased: boolean }
type Found = { patients: Patient[]; complete: boolean }

/** Finds a patient on a registered FHIR server. What is typed stays in this page's memory. */
export function PatientsPage() {
  const t = useText()
  const servers = useServers(true)
  const names = servers.data?.servers ?? []
  return (
    <Page title={t('patients.title')} lead={t('patients.lead')}>
      {servers.isPending && <Loading lines={2} />}
      {servers.isError && <Failure error={servers.error} onRetry={() => void servers.refetch()} />}
      {servers.data && names.length === 0 && (
        <Empty title={t('patients.noServer')}>
          <p>{t('patients.noServerHint')}</p>
          <Link to="/">{t('handover.otherWays')}</Link>
        </Empty>
      )}
      {names.length > 0 && (
        <>
          <Search servers={names} />
          <LaunchLinks />
        </>
      )}
    </Page>
  )
}

function Search({ servers }: { servers: string[] }) {
  const t = useText()
  const navigate = useNavigate()
  const [server, setServer] = useState(servers[0] ?? '')
  const [by, setBy] = useState<'name' | 'id'>('name')
  const [id, setId] = useState('')
  const [name, setName] = useState('')
  const [birthDate, setBirthDate] = useState('')
  const [tried, setTried] = useState(false)
  const search = useMutation({
    mutationFn: (query: Query) => call<Found>('/patients/search', { method: 'POST', body: query }),
    gcTime: 0,
  })
  const missing = (value: string) => (tried && value.trim() === '' ? t('patients.needed') : undefined)
  const open = (patient: Patient) => {
    const opened = openCase({ origin: 'patients', remote: { server: search.variables?.server ?? server, patient: patient.reference }, request: {} })
    void navigate({ to: '/case/$id/review', params: { id: opened } })
  }
  return (
    <>
      <form
        className={`stack ${fields.form}`}
        noValidate
        onSubmit={(event) => {
          event.preventDefault()
          setTried(true)
          const whole = by === 'id' ? id.trim() !== '' : name.trim() !== '' && birthDate !== ''
          if (!whole) {
            const first = by === 'id' ? 'id' : name.trim() === '' ? 'name' : 'birth-date'
            document.getElementById(`field-patient-${first}`)?.focus()
            return
          }
          search.mutate(by === 'id' ? { server, id: id.trim() } : { server, name: name.trim(), birthDate })
        }}
      >
        <fieldset className={fields.section}>
          <legend>{t('patients.search')}</legend>
          <div className="stack">
            <NativeSelect label={t('patients.server')} value={server} onChange={(e) => setServer(e.currentTarget.value)} data={servers} />
            <Radio.Group
              label={t('patients.by')}
              value={by}
              onChange={(value) => {
                setBy(value === 'id' ? 'id' : 'name')
                setTried(false)
              }}
            >
              <div className={fields.choices}>
                <Radio value="name" label={t('patients.byName')} />
                <Radio value="id" label={t('patients.byId')} />
              </div>
            </Radio.Group>
            {by === 'id' ? (
              <TextInput
                id="field-patient-id"
                label={t('patients.id')}
                value={id}
                maxLength={100}
                autoComplete="off"
                error={missing(id)}
                onChange={(e) => setId(e.currentTarget.value)}
              />
            ) : (
              <div className={fields.grid}>
                <TextInput
                  id="field-patient-name"
                  label={t('patients.name')}
                  value={name}
                  maxLength={200}
                  autoComplete="off"
                  error={missing(name)}
                  onChange={(e) => setName(e.currentTarget.value)}
                />
                <TextInput
                  id="field-patient-birth-date"
                  type="date"
                  label={t('patients.birthDate')}
                  value={birthDate}
                  autoComplete="off"
                  error={missing(birthDate)}
                  onChange={(e) => setBirthDate(e.currentTarget.value)}
                />
              </div>
            )}
            <div>
              <Button type="submit" loading={search.isPending}>
                {t('patients.submit')}
              </Button>
            </div>
          </div>
        </fieldset>
      </form>
      {search.isError && <Failure error={search.error} onRetry={() => search.variables && search.mutate(search.variables)} />}
      {search.data && <List found={search.data} open={open} />}
    </>
  )
}

function List({ found, open }: { found: Found; open: (patient: Patient) => void }) {
  const t = useText()
  const shared = useShared()
  const lang = useLang()
  if (found.patients.length === 0) {
    return (
      <div role="status">
        <Empty title={t('patients.nobody')}>
          <p>{t('patients.nobodyHint')}</p>
        </Empty>
      </div>
    )
  }
  return (
    <section className="stack-tight" aria-labelledby="found">
      <h2 id="found">{t('patients.found')}</h2>
      {!found.complete && <SeverityBand indicator="info" title={t('patients.more')} />}
      <ul className={classes.list}>
        {found.patients.map((patient) => (
          <li key={patient.reference}>
            <button type="button" className={classes.patient} onClick={() => open(patient)}>
              <strong>{patient.name || t('patients.noName')}</strong>
              <span>
                {[
                  patient.birthDate && `* ${formatDate(patient.birthDate, lang)}`,
                  patient.age !== null && shared('unit.years', { count: patient.age }),
                  isSex(patient.gender) && t(`facts.${patient.gender}`),
                  patient.deceased && t('patients.deceased'),
                ]
                  .filter(Boolean)
                  .join(' · ')}
              </span>
              <span className="code muted">{patient.reference}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  )
}

const isSex = (value: string): value is 'male' | 'female' | 'other' => ['male', 'female', 'other'].includes(value)
