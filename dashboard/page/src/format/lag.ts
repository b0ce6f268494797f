/** What lags, in words. */
import type { Freshness } from '../api/answers'
import { count } from './numbers'

/** Returns what each service that is behind has yet to do. Without known services, what could not be asked. */
export function lagging(what: Freshness['what']): string[] {
    if (what.length === 0) return ['no service is known to ask (dashboard.services)']
    return what
        .filter(({ records, answers }) => !answers || records > 0)
        .map(({ service, records, answers }) => {
            if (!answers) return `${service} does not answer`
            return `${service} is ${count(records)} ${records === 1 ? 'record' : 'records'} behind`
        })
}
