/**
 * The filters that a viewer may use: one place or provider, and one detail of calls. The API enforces this;
 * the pages keep to it so that no click ends in a refusal.
 */
import type { Dimension, Filter } from './view'

/** Dimensions of which a viewer may set one at a time. */
export const DETAILS = ['network_type', 'edge', 'device_class', 'browser', 'client_version'] as const

/** Returns whether a viewer may filter so, and break down by `by` besides. */
export function allowed(filter: Filter, by?: Dimension): boolean {
    const dimensions = new Set<Dimension>(Object.keys(filter) as Dimension[])
    if (by) dimensions.add(by)
    const fine = dimensions.has('subdivision') || dimensions.has('city')
    const details = DETAILS.filter((detail) => dimensions.has(detail)).length
    if (dimensions.has('subdivision') && dimensions.has('city')) return false
    if (fine && (dimensions.has('provider') || !dimensions.has('country'))) return false
    if (dimensions.has('browser_version') && !dimensions.has('browser')) return false
    if (dimensions.has('continent') && dimensions.has('provider') && by !== 'provider') return false
    return details <= (fine ? 0 : 1)
}

/**
 * Returns the filter without what does not go with `kept`, the dimensions that the reader has just set: with a
 * new detail the old one goes, with a city the details and the provider go.
 */
export function fitted(filter: Filter, kept: readonly Dimension[]): Filter {
    const next: Filter = { ...filter }
    for (const dimension of REMOVABLE) {
        if (allowed(next)) break
        if (!kept.includes(dimension)) delete next[dimension]
    }
    for (const dimension of REMOVABLE) {
        if (allowed(next)) break
        delete next[dimension]
    }
    return next
}

/** What gives way first. */
const REMOVABLE: Dimension[] = [
    'browser_version',
    'client_version',
    'browser',
    'device_class',
    'edge',
    'network_type',
    'city',
    'subdivision',
    'provider',
    'continent',
]
