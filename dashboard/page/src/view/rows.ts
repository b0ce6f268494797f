/** What lists show of the rows of a breakdown. */
import type { Figure, Finding, Key, Row, Word } from '../api/answers'
import type { MeasureText } from '../format/measures'
import { linearAxis, type Axis } from '../scales/linear'
import type { Dimension, Filter } from './view'

/** Returns the figure that leads: the adjusted one where there is one, unless raw ones are asked for. */
export function leading(row: Pick<Row, 'raw' | 'adjusted'>, raw: boolean): Figure {
    return raw ? row.raw : (row.adjusted ?? row.raw)
}

/** Returns the word for a row of a list: a difference that the correction does not let stand is no evidence. */
export function corrected(finding: Finding | null): Word {
    if (!finding) return 'cannot_tell'
    const clear = finding.word === 'better' || finding.word === 'worse'
    return clear && finding.finding !== true ? 'no_evidence' : finding.word
}

/**
 * Returns the common axis of a column of whiskers: from zero (a MOS from its lowest limit) to where nine tenths
 * of the limits end, so that one wide interval does not flatten all others.
 */
export function whiskerAxis(figures: Figure[], text: MeasureText, ticks: number): Axis {
    const values = figures.flatMap(({ value, lower, upper }) => [value, lower, upper]).filter((value) => value !== null)
    const sorted = values.toSorted((one, other) => one - other)
    const reach = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.97))] ?? 1
    const highest = Math.max(reach, ...figures.map((figure) => figure.value ?? 0))
    if (text.unit === 'mos') return linearAxis(Math.max(1, Math.floor((sorted[0] ?? 1) * 2) / 2), 5, ticks)
    return linearAxis(0, highest * 1.02 || 1, ticks)
}

/** Returns the filter of the page that a row leads to. */
export function rowFilter(filter: Filter, key: Key): Filter {
    const next: Filter = { ...filter, ...key }
    if (key.country) delete next.continent
    return next
}

/** Returns whether a row's page is the one of a provider. */
export function rowPage(by: Dimension): 'place' | 'provider' {
    return by === 'provider' ? 'provider' : 'place'
}
