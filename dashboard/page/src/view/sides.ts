/** Names of the two sides of a comparison: what sets them apart. */
import { keyPlace, valueName } from '../format/places'
import { dateTime } from '../format/time'
import { DIMENSIONS, type Filter, type Selection } from './view'

export interface SideNames {
    a: string
    b: string
}

/** Returns short names of both sides; they differ wherever the sides do. */
export function sideNames(common: Filter, a: Selection, b: Selection): SideNames {
    const names = { a: sideName(common, a), b: sideName(common, b) }
    if (names.a !== names.b) return names
    return { a: `${names.a} (A)`, b: `${names.b} (B)` }
}

function sideName(common: Filter, { filter, time }: Selection): string {
    const values = DIMENSIONS.flatMap((dimension) => {
        const value = filter[dimension]
        return value === undefined ? [] : [valueName(dimension, value)]
    })
    const when = time === undefined ? [] : ['range' in time ? `last ${time.range}` : `from ${dateTime(time.from)}`]
    if (values.length + when.length > 0) return [...values, ...when].join(', ')
    return common.provider ?? (keyPlace(common) || 'Now')
}
