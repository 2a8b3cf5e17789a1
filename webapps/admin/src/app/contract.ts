import type { Holds, Keys, Stated } from '@cdss/shared/api/contract.ts'
import type * as session from '@cdss/shared/session/types.ts'
import type * as audit from '../features/audit/types.ts'
import type * as curation from '../features/guidelines/types.ts'
import type * as rules from '../features/rules/types.ts'
import type * as lab from '../lab/types.ts'
import type * as work from '../features/system/types.ts'
import type * as system from '../system/types.ts'

// Compiles only while our types have the members that the server states. It has no
// code.
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
    Keys<curation.PageOutline, Stated['PageOutline']>,
    Keys<curation.PageView, Stated['PageView']>,
    Keys<curation.RuleCitation, Stated['RuleCitation']>,
    Keys<curation.RuleRebinding, Stated['RuleRebinding']>,
    Keys<curation.VersionDifference, Stated['VersionDifference']>,
    Keys<lab.QuerySet, Stated['QuerySet']>,
    Keys<lab.JudgedQuery, Stated['JudgedQuery']>,
    Keys<lab.JudgedPassage, Stated['JudgedPassage']>,
    Keys<lab.QueryRun, Stated['QueryRunReport']>,
    Keys<lab.QuerySetHead, Stated['QuerySetHead']>,
    Keys<lab.Measures, Stated['Measures']>,
    Keys<lab.RunComparison, Stated['QueryRunComparison']>,
    Keys<lab.Answer, Stated['AnswerResponse']>,
    Keys<lab.AnswerCitation, Stated['AnswerCitation']>,
    Keys<rules.ExpressionAnswer, Stated['ExpressionAnswer']>,
    Keys<rules.ExpressionQuestion, Stated['ExpressionQuestion']>,
    Keys<work.Sent, Stated['OutboundRequest']>,
  ]
>
