/** Instants as text: in the reader's zone, with UTC beside. */

const zone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone

const formats = new Map<string, Intl.DateTimeFormat>()

function format(options: Intl.DateTimeFormatOptions, timeZone: string): Intl.DateTimeFormat {
    const key = JSON.stringify([options, timeZone])
    const known = formats.get(key) ?? new Intl.DateTimeFormat('en-GB', { ...options, timeZone })
    formats.set(key, known)
    return known
}

const DAY = { weekday: 'short', day: 'numeric', month: 'short' } as const
const CLOCK = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const

/** Returns `Tue 1 Dec, 14:00`. */
export function dateTime(at: string | number, timeZone = zone()): string {
    return format({ ...DAY, ...CLOCK }, timeZone).format(new Date(at)).replace(/,(?= \d+ )/, '')
}

/** Returns `14:00`. */
export function clock(at: string | number, timeZone = zone()): string {
    return format(CLOCK, timeZone).format(new Date(at))
}

/** Returns a time of day with UTC beside: `15:00 (14:00 UTC)`. */
export function clockBoth(at: string | number, timeZone = zone()): string {
    const [local, utc] = [clock(at, timeZone), clock(at, 'UTC')]
    return local === utc ? `${utc} UTC` : `${local} (${utc} UTC)`
}

/** Returns `Tue 1 Dec`. */
export function date(at: string | number, timeZone = zone()): string {
    return format(DAY, timeZone).format(new Date(at)).replace(',', '')
}

/** Returns one instant in the reader's zone with UTC beside: `Tue 1 Dec, 15:00 (14:00 UTC)`. */
export function dateTimeBoth(at: string | number, timeZone = zone()): string {
    const local = dateTime(at, timeZone)
    const utc = dateTime(at, 'UTC')
    if (local === utc) return `${local} UTC`
    return `${local} (${date(at, timeZone) === date(at, 'UTC') ? clock(at, 'UTC') : utc} UTC)`
}

/** Returns a range in the reader's zone and in UTC, as two texts; the second is null where they are the same. */
export function span(from: string, to: string, timeZone = zone()): { local: string; utc: string | null } {
    const local = spanIn(from, to, timeZone)
    const utc = spanIn(from, to, 'UTC')
    return local === utc ? { local: `${local} UTC`, utc: null } : { local: `${local} (${zoneName(from, timeZone)})`, utc: `${utc} UTC` }
}

function spanIn(from: string, to: string, timeZone: string): string {
    const sameDay = date(from, timeZone) === date(to, timeZone)
    return `${dateTime(from, timeZone)} – ${sameDay ? clock(to, timeZone) : dateTime(to, timeZone)}`
}

/** Returns the short name of a zone: `GMT+1`. */
export function zoneName(at: string | number, timeZone = zone()): string {
    const parts = format({ timeZoneName: 'short' }, timeZone).formatToParts(new Date(at))
    return parts.find((part) => part.type === 'timeZoneName')?.value ?? timeZone
}

/** Returns minutes by which a zone is ahead of UTC at an instant. */
export function offsetMinutes(at: number, timeZone = zone()): number {
    const options = { year: 'numeric', month: '2-digit', day: '2-digit', ...CLOCK, second: '2-digit' } as const
    const parts = format(options, timeZone).formatToParts(new Date(at))
    const part = (type: string) => Number(parts.find((found) => found.type === type)?.value)
    const local = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'))
    return Math.round((local - at) / 60_000)
}

/** Returns an age in words: `31 s`, `4 min`, `2 h 10 min`, `3 days`. */
export function age(seconds: number): string {
    if (seconds < 90) return `${Math.max(0, Math.round(seconds))} s`
    const minutes = Math.round(seconds / 60)
    if (minutes < 60) return `${minutes} min`
    if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h${minutes % 60 ? ` ${minutes % 60} min` : ''}`
    return `${Math.round(minutes / 1440)} days`
}
