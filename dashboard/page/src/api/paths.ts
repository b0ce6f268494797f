/** Addresses of the API's answers for a filter and a time range. */
import { DIMENSIONS, narrowed, type Dimension, type Filter, type Measure, type Quantity, type Selection, type Time } from '../view/view'
import type { Breakdown, Changes, Comparison, Distribution, Freshness, Heat, Me, Series, Summary, Values } from './answers'

/** An address whose answer is a `T`. */
export interface Path<T> {
    address: string
    /** Never set; ties the address to the type of its answer. */
    answer?: T
}

/** Filter, time range and measure of a request. */
export interface Scope {
    filter: Filter
    time: Time
    measure: Measure
}

const ROOT = '/api/v1'

export const summary = (scope: Scope): Path<Summary> => path('summary', { ...time(scope), ...filter(scope) })

export interface BreakdownOptions {
    sort?: 'harm' | 'value' | 'sessions' | 'name'
    limit?: number
    sparkline?: boolean
    weights?: boolean
}

export function breakdown(scope: Scope, by: Dimension, options: BreakdownOptions = {}): Path<Breakdown> {
    return path('breakdown', {
        by,
        ...all(scope),
        sort: options.sort,
        limit: options.limit?.toString(),
        sparkline: options.sparkline ? '1' : undefined,
        weights: options.weights ? '1' : undefined,
    })
}

export const series = (scope: Scope): Path<Series> => path('series', all(scope))

export const heat = (scope: Scope): Path<Heat> => path('heat', all(scope))

export function comparison(scope: Scope, a: Selection, b: Selection): Path<Comparison> {
    return path('compare', { ...side('a.', scope, a), ...side('b.', scope, b), weights: '1' })
}

export function distribution(scope: Scope, of: Quantity): Path<Distribution> {
    return path('distribution', { of, ...time(scope), ...filter(scope) })
}

export function changes(scope: Scope, limit: number): Path<Changes> {
    return path('changes', { ...all(scope), limit: limit.toString() })
}

export function values(of: Dimension, scope: Scope, prefix: string): Path<Values> {
    const rest: Filter = { ...scope.filter }
    delete rest[of]
    return path('values', { of, ...time(scope), ...filter({ filter: rest }), q: prefix || undefined, limit: '300' })
}

export const freshness = (): Path<Freshness> => path('freshness', {})

export const me = (): Path<Me> => path('me', {})

/** Address of the server-sent events. */
export const LIVE = `${ROOT}/live`

/** Returns the same answer's address as CSV. */
export const csv = (of: Path<unknown>): string => `${of.address}${of.address.includes('?') ? '&' : '?'}format=csv`

/** Returns the scope of one side of a comparison: what it sets itself takes the place of the common filter's. */
export function sideScope(scope: Scope, selection: Selection): Scope {
    return { ...scope, time: selection.time ?? scope.time, filter: narrowed(scope.filter, selection.filter) }
}

type Query = Record<string, string | undefined>

function path<T>(name: string, query: Query): Path<T> {
    const written = new URLSearchParams()
    for (const [key, value] of Object.entries(query)) if (value !== undefined) written.set(key, value)
    const text = written.toString()
    return { address: `${ROOT}/${name}${text && `?${text}`}` }
}

const all = (scope: Scope): Query => ({ ...time(scope), ...filter(scope), measure: scope.measure })

function time({ time }: Pick<Scope, 'time'>, prefix = ''): Query {
    if ('range' in time) return { [`${prefix}range`]: time.range }
    return { [`${prefix}from`]: time.from, [`${prefix}to`]: time.to }
}

function filter({ filter }: Pick<Scope, 'filter'>, prefix = ''): Query {
    return Object.fromEntries(DIMENSIONS.map((dimension) => [`${prefix}${dimension}`, filter[dimension] || undefined]))
}

function side(prefix: string, scope: Scope, selection: Selection): Query {
    const whole = sideScope(scope, selection)
    return { ...time(whole, prefix), ...filter(whole, prefix) }
}
