/** Figures as text. Every page prints through these, so that a figure reads the same everywhere. */
import type { Difference, Figure, Rank, Word } from '../api/answers'
import type { Unit } from './measures'

const whole = new Intl.NumberFormat('en')
const MINUS = '−'
const NONE = '–'

/** Returns a count with thousands separated: `1,312`. */
export function count(value: number | null | undefined): string {
    return value === null || value === undefined ? NONE : whole.format(Math.round(value))
}

/** Returns a value in its unit: `7.1%`, `210 ms`, `1.24 s`, `4.12`. */
export function amount(value: number | null | undefined, unit: Unit): string {
    if (value === null || value === undefined || !Number.isFinite(value)) return NONE
    const text = magnitude(Math.abs(value), unit)
    return value < 0 && /[1-9]/.test(text) ? MINUS + text : text
}

/** Returns an interval with its unit once: `6.5–7.8%`. A limit that is null is open. */
export function interval(lower: number | null, upper: number | null, unit: Unit): string {
    if (lower === null && upper === null) return NONE
    if (lower === null) return `at most ${amount(upper, unit)}`
    if (upper === null) return `at least ${amount(lower, unit)}`
    const [low, high] = [amount(lower, unit), amount(upper, unit)]
    const suffix = /(%| ms| s| Mbit\/s| kbit\/s)$/
    const same = suffix.exec(low)?.[0] === suffix.exec(high)?.[0]
    return `${same ? low.replace(suffix, '') : low}–${high}`
}

/** Returns a difference with its sign, shares in percentage points: `+1.2 points`. */
export function difference(value: number | null | undefined, unit: Unit): string {
    if (value === null || value === undefined) return NONE
    const text = points(Math.abs(value), unit)
    const sign = !/[1-9]/.test(text) ? '±' : value < 0 ? MINUS : '+'
    return sign + text
}

/** Returns the interval of a difference: `+0.4 to +2.0 points`. A limit that is null is open; null if both are. */
export function differenceInterval({ lower, upper }: Pick<Difference, 'lower' | 'upper'>, unit: Unit): string | null {
    if (lower === null && upper === null) return null
    if (lower === null) return `at most ${difference(upper, unit)}`
    if (upper === null) return `at least ${difference(lower, unit)}`
    const [low, high] = [difference(lower, unit), difference(upper, unit)]
    const suffix = / (points|ms|s)$/
    const same = suffix.exec(low)?.[0] === suffix.exec(high)?.[0]
    return `${same ? low.replace(suffix, '') : low} to ${high}`
}

/** Returns a range of ranks: `2–5`, or `2` where nothing overlaps. */
export function rankRange(rank: Rank): string {
    return rank.from === rank.to ? `${rank.from}` : `${rank.from}–${rank.to}`
}

/** Returns poor time: `12.4 h`, or minutes below an hour. */
export function hours(value: number | null | undefined): string {
    if (value === null || value === undefined) return NONE
    if (value < 1) return `${Math.round(value * 60)} min`
    return `${value < 100 ? value.toFixed(1) : whole.format(Math.round(value))} h`
}

/** Returns a share of 1 for prose: `99.8%`. Certainty never reads as 100 %. */
export function certainty(value: number): string {
    return value > 0.9995 ? '>99.9%' : `${(value * 100).toFixed(1)}%`
}

/** Returns `12 sessions`, or `12 sessions (worth 9)` if they count as fewer independent ones. */
export function sampleSize(figure: Pick<Figure, 'sessions' | 'effective_sessions'>): string {
    const { sessions, effective_sessions: effective } = figure
    if (sessions === null) return 'fewer than 5 sessions'
    const noun = sessions === 1 ? 'session' : 'sessions'
    if (effective === null || sessions === 0) return `${count(sessions)} ${noun}`
    return `${count(sessions)} ${noun} (effective ${count(effective)})`
}

export const WORDS: Record<Word, string> = {
    better: 'better',
    worse: 'worse',
    no_evidence: 'no evidence',
    cannot_tell: 'cannot tell',
}

/** Returns why a figure has no interval, or null if it has one. */
export function caveat(figure: Figure): string | null {
    switch (figure.state) {
        case 'known':
        case 'upper_limit':
            return null
        case 'cannot_tell':
            if (figure.needs_sessions !== null) return `cannot tell yet: needs about ${count(figure.needs_sessions)} sessions`
            // More sessions of the same callers would not do: they lack what others have, such as phones.
            return figure.value === null ? 'cannot tell' : 'cannot tell: lacks a part of the common mix'
        case 'too_few':
            return 'fewer than 5 sessions'
        case 'no_data':
            return 'not measured'
    }
}

function magnitude(value: number, unit: Unit): string {
    switch (unit) {
        case 'share':
            return `${percent(value)}%`
        case 'ms':
            return milliseconds(value)
        case 'mos':
            return value.toFixed(2)
        case 'bps':
            return value >= 1e6 ? `${(value / 1e6).toFixed(1)} Mbit/s` : `${whole.format(Math.round(value / 1e3))} kbit/s`
        case 'per_second':
            return `${value.toFixed(0)} fps`
    }
}

/** Two decimals below 1 %, one above: 0.42, 7.1, 100. */
function percent(share: number): string {
    const value = share * 100
    if (value === 0) return '0'
    return value < 0.995 ? value.toFixed(2) : value >= 99.95 ? value.toFixed(0) : value.toFixed(1)
}

function milliseconds(value: number): string {
    if (value >= 999.5) return `${(value / 1000).toFixed(2)} s`
    return value < 9.95 ? `${value.toFixed(1)} ms` : `${value.toFixed(0)} ms`
}

function points(value: number, unit: Unit): string {
    return unit === 'share' ? `${percent(value)} points` : magnitude(value, unit)
}
