/** Hours of the week in the reader's zone. */

export const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const

export interface WeekHour {
    /** 0 is Monday. */
    day: number
    hour: number
}

/**
 * Moves an hour of the week from UTC (weekday 1 is Monday) by a zone's offset. Zones off the full hour are
 * rounded down to it.
 */
export function localHour(weekday: number, hour: number, offsetMinutes: number): WeekHour {
    const index = (weekday - 1) * 24 + hour + Math.floor(offsetMinutes / 60)
    const inWeek = ((index % 168) + 168) % 168
    return { day: Math.floor(inWeek / 24), hour: inWeek % 24 }
}
