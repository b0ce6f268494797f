/** The view: all that decides what a page shows. It is in the address, whole, so that a link is a finding. */

export const PAGES = ['now', 'place', 'provider', 'league', 'compare'] as const
export type Page = (typeof PAGES)[number]

export const RANGES = ['1h', '24h', '7d', '30d', '90d', '365d'] as const
export type Range = (typeof RANGES)[number]

/** Dimensions by which the API filters, in the order in which the address names them. */
export const DIMENSIONS = [
    'app',
    'continent',
    'country',
    'subdivision',
    'city',
    'provider',
    'network_type',
    'edge',
    'kind',
    'direction',
    'device_class',
    'browser',
    'browser_version',
    'client_version',
] as const
export type Dimension = (typeof DIMENSIONS)[number]

export const MEASURES = ['poor_share', 'round_trip_p95', 'loss', 'mos', 'setup_failures', 'time_to_media'] as const
export type Measure = (typeof MEASURES)[number]

/** Quantities whose distribution cells keep. */
export const QUANTITIES = [
    'round_trip_ms',
    'jitter_ms',
    'loss',
    'bit_rate_bps',
    'frame_rate',
    'audio_mos',
    'video_mos',
    'time_to_media_ms',
] as const
export type Quantity = (typeof QUANTITIES)[number]

export type Filter = Partial<Record<Dimension, string>>

/** A range that moves with the clock, or two fixed instants (RFC 3339, UTC). */
export type Time = { range: Range } | { from: string; to: string }

export interface View {
    page: Page
    time: Time
    filter: Filter
    measure: Measure
    /** Whether raw figures lead, instead of adjusted ones. */
    raw: boolean
    /** The two selections of the page Compare, beside the filter. */
    a: Selection
    b: Selection
    /** Whose distribution the page Compare draws. */
    quantity: Quantity
}

/** What one side of a comparison narrows down; it may have a time of its own. */
export interface Selection {
    filter: Filter
    time?: Time
}

export const DEFAULT_VIEW: View = {
    page: 'now',
    time: { range: '24h' },
    filter: {},
    measure: 'poor_share',
    raw: false,
    a: { filter: {} },
    b: { filter: {} },
    quantity: 'round_trip_ms',
}

/** Reads a view from an address. What it does not know falls back to the default view's. */
export function parseView(pathname: string, search: string): View {
    const query = new URLSearchParams(search)
    const name = pathname.split('/').filter(Boolean).at(-1) ?? 'now'
    return {
        page: oneOf(PAGES, name) ?? 'now',
        time: parseTime(query, '') ?? DEFAULT_VIEW.time,
        filter: parseFilter(query, ''),
        measure: oneOf(MEASURES, query.get('measure')) ?? DEFAULT_VIEW.measure,
        raw: query.get('figures') === 'raw',
        a: parseSelection(query, 'a.'),
        b: parseSelection(query, 'b.'),
        quantity: oneOf(QUANTITIES, query.get('of')) ?? DEFAULT_VIEW.quantity,
    }
}

/** Writes a view as path and query, in a fixed order and without what is the default. */
export function viewAddress(view: View): string {
    const query = new URLSearchParams()
    writeTime(query, '', view.time)
    writeFilter(query, '', view.filter)
    if (view.measure !== DEFAULT_VIEW.measure) query.set('measure', view.measure)
    if (view.raw) query.set('figures', 'raw')
    if (view.page === 'compare') {
        writeSelection(query, 'a.', view.a)
        writeSelection(query, 'b.', view.b)
        if (view.quantity !== DEFAULT_VIEW.quantity) query.set('of', view.quantity)
    }
    const path = view.page === 'now' ? '/' : `/${view.page}`
    return `${path}?${query.toString()}`
}

/** Returns `filter` with `changes`; an empty or absent value removes a dimension. */
export function narrowed(filter: Filter, changes: Partial<Record<Dimension, string | undefined>>): Filter {
    const next: Filter = { ...filter }
    const changed = DIMENSIONS.filter((dimension) => dimension in changes)
    for (const dimension of changed) for (const cleared of CLEARS[dimension] ?? []) delete next[cleared]
    for (const dimension of changed) {
        const value = changes[dimension]
        if (value) next[dimension] = value
        else delete next[dimension]
    }
    return next
}

/** Dimensions that a change of another one clears: what lies below it, or says the same more coarsely. */
const CLEARS: Partial<Record<Dimension, Dimension[]>> = {
    continent: ['country', 'subdivision', 'city'],
    country: ['continent', 'subdivision', 'city'],
    subdivision: ['city'],
    city: ['subdivision'],
    browser: ['browser_version'],
}

function parseSelection(query: URLSearchParams, prefix: string): Selection {
    const time = parseTime(query, prefix)
    const filter = parseFilter(query, prefix)
    return time ? { filter, time } : { filter }
}

function writeSelection(query: URLSearchParams, prefix: string, selection: Selection) {
    if (selection.time) writeTime(query, prefix, selection.time)
    writeFilter(query, prefix, selection.filter)
}

function parseTime(query: URLSearchParams, prefix: string): Time | undefined {
    const from = query.get(`${prefix}from`)
    const to = query.get(`${prefix}to`)
    if (from && to && !Number.isNaN(Date.parse(from)) && !Number.isNaN(Date.parse(to))) return { from, to }
    const range = oneOf(RANGES, query.get(`${prefix}range`))
    return range && { range }
}

function writeTime(query: URLSearchParams, prefix: string, time: Time) {
    if ('range' in time) {
        query.set(`${prefix}range`, time.range)
    } else {
        query.set(`${prefix}from`, time.from)
        query.set(`${prefix}to`, time.to)
    }
}

function parseFilter(query: URLSearchParams, prefix: string): Filter {
    const filter: Filter = {}
    for (const dimension of DIMENSIONS) {
        const value = query.get(`${prefix}${dimension}`)
        if (value) filter[dimension] = value
    }
    return filter
}

function writeFilter(query: URLSearchParams, prefix: string, filter: Filter) {
    for (const dimension of DIMENSIONS) {
        const value = filter[dimension]
        if (value) query.set(`${prefix}${dimension}`, value)
    }
}

function oneOf<T extends string>(values: readonly T[], value: string | null): T | undefined {
    return values.find((known) => known === value)
}
