// Answers of the API for the made-up world.
import { chance, difference, FAILING, figure, keys, MEASURES, unit, VALUES } from './world.mjs'

const HOUR = 3_600_000
const DIMENSIONS = ['app', 'continent', 'country', 'subdivision', 'city', 'provider', 'network_type', 'edge', 'kind', 'direction', 'device_class', 'browser', 'browser_version', 'client_version']
const ADJUSTED = ['poor_share', 'loss', 'setup_failures']
const HOURS = { '1h': 1, '24h': 24, '7d': 168, '30d': 720, '90d': 2160, '365d': 8760 }
const iso = (at) => new Date(at).toISOString().replace('.000', '')

/** Returns status and body for an address of the API. */
export function answer(url, state = 'well') {
    const query = Object.fromEntries(url.searchParams)
    const name = url.pathname.replace('/api/v1/', '')
    const make = ANSWERS[name]
    if (query.by === 'city' && !ADJUSTED.includes(query.measure ?? 'poor_share')) return { status: 400, body: { title: 'Bad request', status: 400, detail: `\`${query.measure}\` has no distribution by city.`, parameter: 'measure' } }
    if (!make) return { status: 404, body: { title: 'Not found', status: 404, detail: `\`${name}\` is no answer of this API.` } }
    const known = ['range', 'from', 'to', 'measure', 'format', 'by', 'limit', 'sort', 'sparkline', 'weights', 'of', 'q', ...DIMENSIONS]
    const wrong = Object.keys(query).find((key) => !known.includes(key.replace(/^[ab]\./, '')))
    if (wrong) return { status: 400, body: { title: 'Bad request', status: 400, detail: `\`${wrong}\` is no parameter.`, parameter: wrong } }
    if (query.city === 'refused') return { status: 403, body: { title: 'Forbidden', status: 403, detail: 'The role `viewer` may not combine these.' } }
    return { status: 200, body: make(scope(query, ''), query, state) }
}

function scope(query, prefix) {
    const get = (key) => query[prefix + key] ?? query[key]
    const filter = {}
    for (const dimension of DIMENSIONS) if (get(dimension)) filter[dimension] = get(dimension)
    const hours = query[`${prefix}from`] || (!prefix && query.from)
        ? (Date.parse(get('to')) - Date.parse(get('from'))) / HOUR
        : HOURS[get('range') ?? '24h']
    const step = hours > 168 ? 24 * HOUR : HOUR
    const to = get('to') && !query[`${prefix}range`] ? Date.parse(get('to')) : (Math.floor(Date.now() / step) + 1) * step
    const from = to - hours * HOUR
    const range = { from: iso(from), to: iso(to), step: step === HOUR ? 'hour' : 'day', sessions_count_once_a: hours > 720 ? 'day' : 'range' }
    return { filter, hours, from, to, step, range, measure: query.measure ?? 'poor_share' }
}

const correction = (tests) => ({ method: 'benjamini_hochberg', q: 0.1, tests })

function standard(measure) {
    const weights = ['Chrome', 'Safari'].flatMap((browser) =>
        ['desktop', 'mobile'].flatMap((device_class) =>
            ['wifi', 'cellular'].flatMap((network_type) =>
                ['audio', 'video'].map((kind) => ({ browser, device_class, network_type, kind, weight: 0.0625 * (0.6 + chance(browser + device_class + network_type + kind)), sessions: 1200 })),
            ),
        ),
    )
    return { used: ADJUSTED.includes(measure), strata: ['browser', 'device_class', 'network_type', 'kind'], note: 'weights: mix of all rows of this answer', empty_strata: 'A stratum that a row lacks is left out, and the rest weighs accordingly.', weights }
}

const ANSWERS = {
    me: () => ({ role: 'viewer', apps: null, dimensions: DIMENSIONS, measures: [], minimum_sessions: 5, q: 0.1, ranges: Object.keys(HOURS), version: '0.1.0' }),
    freshness: (_scope, _query, state) => {
        const minute = Math.floor(Date.now() / 60_000) * 60_000 - (state === 'late' || state === 'idle' ? 14 : 1) * 60_000
        return {
            now: iso(Date.now()), newest_minute: iso(minute), age_s: Math.round((Date.now() - minute - 60_000) / 1000), lags: state === 'late', limit_s: 180,
            what: state === 'late' ? [{ service: 'sink', records: 48_211, answers: true }, { service: 'aggregate', records: 0, answers: false }, { service: 'ingest', records: 0, answers: true }] : [{ service: 'ingest', records: 0, answers: true }],
        }
    },
    summary: ({ filter, hours, range }) => ({
        range, filter,
        measures: MEASURES.map((measure) => {
            const now = figure(filter, measure, hours)
            const before = figure(filter, measure, hours, 'week', hasFailing(filter) ? 0.6 : 1)
            return { measure, unit: unit(measure), now, before, before_adjusted: ADJUSTED.includes(measure) ? before : null, change: difference(now, before, measure) }
        }),
    }),
    breakdown,
    series: ({ filter, from, to, step, range, measure }) => ({
        range, filter, measure, step_s: step / 1000,
        points: Array.from({ length: Math.round((to - from) / step) }, (_, index) => {
            const at = from + index * step
            const busy = 1 + 0.5 * Math.sin(((at / HOUR) % 24) / 3.8)
            const found = figure(filter, measure, step / HOUR, iso(at), busy)
            const middle = { poor_share: 62, setup_failures: 62, round_trip_p95: 62, loss: 0.001, mos: 4.2, time_to_media: 700 }[measure] * (0.9 + 0.1 * busy)
            const high = measure === 'mos' ? 4.5 : middle * 3.4 * busy
            const known = found.state === 'known'
            return { at: iso(at), figure: found, p50: known ? middle : null, p95: known ? high : null }
        }),
    }),
    heat: ({ filter, range, measure, hours }) => ({
        range, filter, measure,
        cells: Array.from({ length: 168 }, (_, index) => {
            const hour = index % 24
            const evening = 1 + 1.1 * Math.exp(-(((hour - 21) / 3) ** 2))
            return { weekday: Math.floor(index / 24) + 1, hour, figure: hours < 168 && index > hours ? figure({ country: 'none' }, measure, 0) : figure(filter, measure, hours / 168, `heat${index}`, evening) }
        }),
    }),
    compare: (_scope, query) => {
        const [a, b] = [scope(query, 'a.'), scope(query, 'b.')]
        const shifted = a.from > b.from && hasFailing(a.filter) ? 0.6 : 1
        return {
            a: { range: a.range, filter: a.filter }, b: { range: b.range, filter: b.filter }, overlap: false, standard: standard('poor_share'),
            measures: MEASURES.map((measure) => {
                const [one, other] = [figure(a.filter, measure, a.hours), figure(b.filter, measure, b.hours, iso(b.from), shifted)]
                const [better, worse] = [figure(a.filter, measure, a.hours, 'adjusted'), figure(b.filter, measure, b.hours, 'adjusted', shifted)]
                const adjusted = ADJUSTED.includes(measure)
                return {
                    measure, unit: unit(measure), a: one, b: other, raw: difference(one, other, measure),
                    a_adjusted: adjusted ? better : null, b_adjusted: adjusted ? worse : null, adjusted: adjusted ? difference(better, worse, measure) : null,
                }
            }),
        }
    },
    distribution: ({ filter, range }, { of }) => {
        const middle = { round_trip_ms: 60, jitter_ms: 8, loss: 0.004, bit_rate_bps: 1.2e6, frame_rate: 24, audio_mos: 4.1, video_mos: 3.8, time_to_media_ms: 700 }[of]
        const bad = 1 + figure(filter, 'poor_share', 24).value * 4
        const levels = [0.01, 0.02, 0.05, ...Array.from({ length: 17 }, (_, index) => 0.1 + index * 0.05), 0.95, 0.98, 0.99]
        const spread = of.includes('mos') || of === 'frame_rate' ? 0.06 : 0.45
        return { range, filter, of, sessions: 1312, points: levels.map((level) => ({ level, value: middle * bad * Math.exp(spread * Math.log(level / (1 - level))) })) }
    },
    changes: ({ filter, hours, range, measure }, query) => {
        const found = keys('provider', filter)
            .map((key) => {
                const now = figure(key, measure, hours)
                const fails = key.country === FAILING.country && key.provider === FAILING.provider
                const before = figure(key, measure, hours, 'week', fails ? 0.22 : 0.9 + 0.2 * chance(key.provider + 'before'))
                return { key, name: key.provider, now, before, change: difference(now, before, measure) }
            })
            .filter(({ change }) => change.finding && ['worse', 'better'].includes(change.word))
        found.sort((one, other) => Math.abs(other.change.difference) - Math.abs(one.change.difference))
        return { range, filter, measure, correction: correction(keys('provider', filter).length), rows: found.slice(0, Number(query.limit ?? 20)) }
    },
    values: ({ filter, hours }, { of, q }) => {
        const found = of === 'provider' ? [...new Set(keys(of, filter).map((key) => key.provider))] : keys(of, filter).map((key) => key[of])
        const values = found
            .filter((value) => value.toLowerCase().startsWith((q ?? '').toLowerCase()))
            .map((value) => ({ value, sessions: figure({ ...filter, [of]: value }, 'poor_share', hours).sessions }))
            .filter(({ sessions }) => sessions >= 5)
        return { of, values: values.sort((one, other) => other.sessions - one.sessions) }
    },
    'openapi.json': () => ({ openapi: '3.1.0' }),
}

const hasFailing = (filter) => (filter.country ?? FAILING.country) === FAILING.country && (filter.provider ?? FAILING.provider) === FAILING.provider

function breakdown({ filter, hours, range, measure, from, step, to }, query) {
    const by = query.by
    const total = figure(filter, measure, hours)
    const all = keys(by, filter).map((key) => row({ ...filter, ...key }, key, by, measure, hours, total))
    const shown = all.filter(({ raw }) => raw.sessions !== null && raw.sessions > 0)
    const folded = all.length - shown.length
    const lead = (found) => found.adjusted ?? found.raw
    const sign = measure === 'mos' ? -1 : 1
    const ranked = shown.filter((found) => lead(found).lower !== null)
    for (const found of ranked) {
        const above = ranked.filter((other) => (sign > 0 ? lead(other).lower > lead(found).upper : lead(other).upper < lead(found).lower)).length
        const below = ranked.filter((other) => (sign > 0 ? lead(other).upper < lead(found).lower : lead(other).lower > lead(found).upper)).length
        found.rank = { from: above + 1, to: ranked.length - below }
    }
    const order = {
        harm: (found) => found.harm?.value ?? sign * (lead(found).lower === null ? -1 : lead(found).value),
        value: (found) => sign * lead(found).value,
        sessions: (found) => found.raw.sessions,
    }[query.sort ?? 'harm']
    shown.sort((one, other) => order(other) - order(one))
    if (query.sparkline === '1') {
        for (const found of shown) {
            found.sparkline = Array.from({ length: Math.min(48, Math.round((to - from) / step)) }, (_, index) => {
                const spark = figure({ ...filter, ...found.key }, measure, 4, `spark${index}`, 1 + 0.4 * Math.sin(index / 3))
                return { at: iso(from + index * step), value: spark.value, sessions: spark.sessions }
            })
        }
    }
    const rows = shown.slice(0, Number(query.limit ?? 200))
    if (folded > 0) rows.push({ key: filter.country ? { country: filter.country } : {}, name: null, folded: { rows: folded }, raw: figure(filter, measure, 0.2), adjusted: null, rank: null, harm: null, against_rest: null, sparkline: null })
    return { range, filter, measure, by, total, standard: standard(measure), correction: correction(all.length), rows, hidden: { rows: folded, beyond_limit: Math.max(0, shown.length - rows.length) } }
}

function row(whole, key, by, measure, hours, total) {
    const raw = figure(whole, measure, hours)
    const adjusted = ADJUSTED.includes(measure) ? figure(whole, measure, hours, 'adjusted') : null
    const lead = adjusted ?? raw
    const against = difference(lead, total, measure)
    const certainty = against.difference === null ? 0 : against.difference > 0 ? Math.min(0.9999, 1 - (against.p ?? 1) / 2) : (against.p ?? 1) / 2
    const poor = (lead.value ?? 0) * (raw.sessions ?? 0) * (5 / 60)
    const harm = measure === 'poor_share' && lead.lower !== null ? { poor_hours: poor, certainty, value: poor * certainty } : null
    return { key, name: key[by] ?? null, folded: null, raw, adjusted, rank: null, harm, against_rest: against, sparkline: null }
}
