/** Answers of the API, as `/api/v1/openapi.json` describes them. Shares are 0 to 1, times milliseconds. */
import type { Dimension, Measure, Quantity, Range } from '../view/view'

export type FigureState = 'known' | 'upper_limit' | 'cannot_tell' | 'too_few' | 'no_data'

/** A figure with its 95 % interval. Null is unknown. */
export interface Figure {
    value: number | null
    lower: number | null
    upper: number | null
    sessions: number | null
    effective_sessions: number | null
    intervals: number | null
    state: FigureState
    /** About how many sessions the interval needs, where the state is `cannot_tell`. */
    needs_sessions: number | null
}

export type Word = 'better' | 'worse' | 'no_evidence' | 'cannot_tell'

/** The difference of two figures, with its 95 % interval. */
export interface Difference {
    difference: number | null
    lower: number | null
    upper: number | null
    word: Word
}

/** A difference of a list that is corrected for its length. */
export interface Finding extends Difference {
    p: number | null
    /** Whether it stands after the correction. */
    finding?: boolean
}

export type Key = Partial<Record<Dimension, string>>

export interface TimeRange {
    from: string
    to: string
    step: 'minute' | 'hour' | 'day'
    sessions_count_once_a: 'range' | 'day'
}

interface Answer {
    range: TimeRange
    filter: Key
}

export interface Correction {
    method: string
    q: number
    tests: number
}

/** One stratum of the common mix. */
export interface Weight {
    browser?: string
    device_class?: string
    network_type?: string
    kind?: string
    weight: number
    /** Poor share of the whole mix in this stratum. */
    share?: number
    sessions: number | null
}

/** The common mix to which figures are adjusted. */
export interface Standard {
    used: boolean
    strata: string[]
    covered?: number | null
    note: string
    empty_strata?: string
    weights?: Weight[]
}

export interface Headline {
    measure: Measure
    unit: string
    now: Figure
    before: Figure
    before_adjusted: Figure | null
    change: Difference
}

export interface Summary extends Answer {
    measures: Headline[]
}

export interface Rank {
    from: number
    to: number
}

export interface Harm {
    poor_hours: number
    certainty: number
    value: number
}

export interface SparkPoint {
    at: string
    value: number | null
    sessions: number | null
}

export interface Row {
    key: Key
    name: string | null
    /** Rows of fewer than five sessions that this row stands for. */
    folded: { rows: number } | null
    raw: Figure
    adjusted: Figure | null
    rank: Rank | null
    harm: Harm | null
    against_rest: Finding | null
    sparkline: SparkPoint[] | null
}

export interface Breakdown extends Answer {
    measure: Measure
    by: Dimension
    total: Figure
    standard: Standard
    correction: Correction
    rows: Row[]
    hidden: { rows: number; beyond_limit: number }
}

export interface SeriesPoint {
    at: string
    figure: Figure
    p50: number | null
    p95: number | null
}

export interface Series extends Answer {
    measure: Measure
    step_s: number
    /** Quantity that `p50` and `p95` are of. */
    distribution?: string
    points: SeriesPoint[]
}

export interface HeatCell {
    /** 1 is Monday, in UTC. */
    weekday: number
    hour: number
    figure: Figure
}

export interface Heat extends Answer {
    measure: Measure
    cells: HeatCell[]
}

export interface ComparedMeasure {
    measure: Measure
    unit: string
    a: Figure
    b: Figure
    raw: Finding
    a_adjusted: Figure | null
    b_adjusted: Figure | null
    adjusted: Finding | null
}

export interface Comparison {
    a: Answer
    b: Answer
    measures: ComparedMeasure[]
    overlap: boolean
    standard?: Standard
}

export interface Distribution extends Answer {
    of: Quantity
    sessions: number | null
    points: { level: number; value: number }[]
}

export interface Change {
    key: Key
    name: string | null
    now: Figure
    before: Figure
    change: Finding
}

export interface Changes extends Answer {
    measure: Measure
    correction: Correction
    rows: Change[]
}

export interface Values {
    of: Dimension
    values: { value: string; sessions: number | null }[]
}

export interface Freshness {
    now: string
    /** Begin of the newest complete minute; null if there is none within a day. */
    newest_minute: string | null
    age_s: number | null
    lags: boolean
    limit_s: number
    /** Every service whose address is known, and the records that it has yet to read. */
    what: { service: string; records: number; answers: boolean }[]
}

export interface Me {
    role: 'viewer' | 'participants'
    apps: string[] | null
    minimum_sessions: number
    q: number
    ranges: Range[]
    version: string
}

/** An error as RFC 9457 has it. */
export interface Problem {
    title: string
    status: number
    detail: string
    parameter?: string
}
