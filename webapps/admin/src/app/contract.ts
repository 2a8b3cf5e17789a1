import type { Holds, Keys, Stated } from '@cdss/shared/api/contract.ts'
import type * as session from '@cdss/shared/session/types.ts'
import type * as audit from '../features/audit/types.ts'
import type * as work from '../features/system/types.ts'
import type * as system from '../system/types.ts'

// Compiles only while our types of the login and the system have the members that
// the server states. It has no code.
export type Contract = Holds<
  [
    Keys<session.Session, Stated['SessionBody']>,
    Keys<session.Person, Stated['PersonBody']>,
    Keys<session.Way, Stated['WayBody']>,
    Keys<system.Person, Stated['AccountBody']>,
    Keys<system.ClientBody, Stated['ClientBody']>,
    Keys<system.ServerBody, Stated['ServerBody']>,
    Keys<audit.AuditEvent, Stated['EventBody']>,
    Keys<audit.Entity, Stated['EntityBody']>,
    Keys<audit.AuditFilter, Stated['About']>,
    Keys<audit.Sighting, Stated['SightingBody']>,
    Keys<audit.Deed, Stated['DeedBody']>,
    Keys<audit.Verification, Stated['VerifyOutputBody']>,
    Keys<work.Task, Stated['TaskBody']>,
    Keys<work.Sent, Stated['OutboundRequest']>,
  ]
>
