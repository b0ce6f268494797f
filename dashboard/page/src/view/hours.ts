/** Time ranges in the steps that the API answers: whole hours, and whole UTC days beyond a week. */

import type { Range, Time } from './view'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const WEEK_MS = 7 * DAY_MS
const LENGTHS: Record<Range, number> = { '1h': HOUR_MS, '24h': DAY_MS, '7d': WEEK_MS, '30d': 30 * DAY_MS, '90d': 90 * DAY_MS, '365d': 365 * DAY_MS }

/** Returns the instants of a time range as the API resolves it: the running hour (beyond 7 days: day) included. */
export function resolved(time: Time, now: number): { from: string; to: string } {
    if ('from' in time) return time
    const length = LENGTHS[time.range]
    const step = length > WEEK_MS ? DAY_MS : HOUR_MS
    const to = (Math.floor(now / step) + 1) * step
    return { from: instant(to - length), to: instant(to) }
}

/** Returns the same hours and weekdays so many whole weeks before that the two ranges do not overlap. */
export function weeksBefore(range: { from: string; to: string }): { from: string; to: string } {
    const [from, to] = [Date.parse(range.from), Date.parse(range.to)]
    const shift = Math.ceil((to - from) / WEEK_MS) * WEEK_MS
    return { from: instant(from - shift), to: instant(to - shift) }
}

/**
 * Returns the smallest range of whole steps around two instants; null if it is empty. A step is `finest`, by default
 * an hour, and a UTC day beyond 7 days.
 */
export function wholeSteps(from: number, to: number, finest = HOUR_MS): { from: string; to: string } | null {
    if (!(to > from)) return null
    const length = Math.ceil(to / finest) * finest - Math.floor(from / finest) * finest
    const step = length > WEEK_MS ? DAY_MS : finest
    return { from: instant(Math.floor(from / step) * step), to: instant(Math.ceil(to / step) * step) }
}

/** Returns an instant as RFC 3339 in UTC, to the second. */
export function instant(at: number): string {
    return new Date(at).toISOString().replace(/\.\d+Z$/, 'Z')
}

/** Returns an instant as an `<input type="datetime-local">` takes it, in the zone of the browser. */
export function localInput(at: number): string {
    const shifted = new Date(at - new Date(at).getTimezoneOffset() * 60_000)
    return shifted.toISOString().slice(0, 16)
}
