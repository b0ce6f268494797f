// A made-up world with figures of the form that the API gives: dense enough for every state of the pages.
// One provider fails (Brazil, Vento Telecom), as in the scenario of a provider's incident.

export const FAILING = { country: 'BR', provider: 'Vento Telecom' }

const COUNTRIES = {
    BR: ['SA', 90, ['Claro', 'Vivo', 'TIM', 'Vento Telecom', 'Algar', 'Oi', 'Brisanet']],
    AR: ['SA', 30, ['Telecom Argentina', 'Movistar', 'Claro']],
    CL: ['SA', 14, ['Entel', 'Movistar', 'VTR']],
    CO: ['SA', 18, ['Claro', 'ETB', 'Tigo']],
    US: ['NA', 160, ['Comcast', 'Charter', 'Verizon', 'AT&T', 'Cox', 'T-Mobile']],
    MX: ['NA', 34, ['Telmex', 'Totalplay', 'Izzi']],
    CA: ['NA', 36, ['Bell', 'Rogers', 'Telus', 'Shaw']],
    DE: ['EU', 110, ['Deutsche Telekom', 'Vodafone', '1&1', 'O2', 'M-net']],
    FR: ['EU', 80, ['Orange', 'Free', 'SFR', 'Bouygues']],
    GB: ['EU', 90, ['BT', 'Virgin Media', 'Sky', 'TalkTalk']],
    ES: ['EU', 44, ['Movistar', 'Orange', 'Vodafone']],
    IT: ['EU', 50, ['TIM', 'Fastweb', 'WindTre']],
    PL: ['EU', 30, ['Orange', 'Play', 'UPC']],
    SE: ['EU', 18, ['Telia', 'Tele2', 'Bahnhof']],
    MT: ['EU', 2, ['GO', 'Melita']],
    TR: ['AS', 24, ['Türk Telekom', 'Turkcell']],
    IN: ['AS', 120, ['Jio', 'Airtel', 'ACT', 'BSNL']],
    ID: ['AS', 40, ['Telkom', 'Indosat', 'XL']],
    JP: ['AS', 60, ['NTT', 'KDDI', 'SoftBank']],
    SG: ['AS', 10, ['Singtel', 'StarHub', 'M1']],
    PH: ['AS', 20, ['PLDT', 'Globe', 'Converge']],
    ZA: ['AF', 22, ['Vodacom', 'MTN', 'Telkom']],
    NG: ['AF', 16, ['MTN', 'Airtel', 'Glo']],
    KE: ['AF', 9, ['Safaricom', 'Airtel']],
    EG: ['AF', 12, ['TE Data', 'Vodafone']],
    AU: ['OC', 36, ['Telstra', 'Optus', 'TPG']],
    NZ: ['OC', 8, ['Spark', 'One NZ']],
    FJ: ['OC', 0.1, ['Vodafone']],
}

export const VALUES = {
    app: ['meet', 'support'],
    network_type: ['wifi', 'ethernet', 'cellular', 'unknown'],
    edge: ['gru1', 'fra1', 'iad1', 'sin1'],
    kind: ['audio', 'video'],
    direction: ['inbound', 'outbound'],
    device_class: ['desktop', 'mobile'],
    browser: ['Chrome', 'Firefox', 'Safari', 'Edge'],
    browser_version: ['131', '130', '129'],
    client_version: ['4.2.1', '4.2.0', '4.1.9'],
    subdivision: ['BR-SP', 'BR-RJ', 'BR-MG', 'BR-BA'],
    city: ['São Paulo', 'Rio de Janeiro', 'Belo Horizonte', 'Salvador', 'Curitiba'],
}

const SHARES = {
    network_type: { wifi: 0.62, ethernet: 0.18, cellular: 0.17, unknown: 0.03 },
    edge: { gru1: 0.2, fra1: 0.4, iad1: 0.3, sin1: 0.1 },
    browser: { Chrome: 0.6, Firefox: 0.1, Safari: 0.2, Edge: 0.1 },
    client_version: { '4.2.1': 0.3, '4.2.0': 0.6, '4.1.9': 0.1 },
}

const FACTORS = {
    network_type: { wifi: 1.25, ethernet: 0.55, cellular: 1.5 },
    client_version: { '4.2.1': 1.12 },
    browser: { Safari: 1.2 },
}

/** A number of 0 to 1 that depends on the text alone. */
export function chance(text) {
    let hash = 2166136261
    for (const letter of text) hash = Math.imul(hash ^ letter.codePointAt(0), 16777619)
    hash ^= hash >>> 15
    hash = Math.imul(hash, 2246822519)
    hash ^= hash >>> 13
    return (hash >>> 0) / 2 ** 32
}

const pick = (filter, name) => filter[name]

/** Sessions an hour of a selection, and how bad it is against 1. */
function weigh(filter) {
    let sessions = 0
    let badness = 0
    for (const [country, [continent, weight, providers]] of Object.entries(COUNTRIES)) {
        if (pick(filter, 'country') && filter.country !== country) continue
        if (pick(filter, 'continent') && filter.continent !== continent) continue
        const base = 0.6 + 1.1 * chance(country) ** 2 + (continent === 'AF' ? 0.7 : continent === 'AS' ? 0.25 : 0)
        providers.forEach((provider, index) => {
            if (pick(filter, 'provider') && filter.provider !== provider) return
            const share = (providers.length - index) / ((providers.length * (providers.length + 1)) / 2)
            const fails = country === FAILING.country && provider === FAILING.provider
            const bad = base * (0.7 + 0.6 * chance(country + provider)) * (fails ? 5 : 1)
            sessions += weight * share
            badness += weight * share * bad
        })
    }
    let factor = 1
    for (const [dimension, value] of Object.entries(filter)) {
        if (['country', 'continent', 'provider'].includes(dimension)) continue
        sessions *= SHARES[dimension]?.[value] ?? 1 / (VALUES[dimension]?.length ?? 2)
        factor *= FACTORS[dimension]?.[value] ?? 0.94 + 0.12 * chance(dimension + value)
    }
    return { perHour: sessions * 4, badness: sessions > 0 ? (badness * factor) / weighted(sessions, filter) : 1 }
}

/** The badness above is summed before the shares of details apply. */
function weighted(sessions, filter) {
    let share = 1
    for (const [dimension, value] of Object.entries(filter)) {
        if (['country', 'continent', 'provider'].includes(dimension)) continue
        share *= SHARES[dimension]?.[value] ?? 1 / (VALUES[dimension]?.length ?? 2)
    }
    return sessions / share
}

const BASES = {
    poor_share: (bad) => Math.min(0.9, 0.034 * bad),
    loss: (bad) => 0.006 * bad,
    setup_failures: (bad) => 0.007 * bad,
    round_trip_p95: (bad) => 150 + 90 * bad,
    mos: (bad) => Math.max(1.4, 4.42 - 0.16 * bad),
    time_to_media: (bad) => 620 + 210 * bad,
}

/** Effective sessions from which on the made-up world has an interval. */
const ENOUGH = 30
const SHARE_MEASURES = ['poor_share', 'loss', 'setup_failures']
export const MEASURES = ['poor_share', 'round_trip_p95', 'loss', 'mos', 'setup_failures', 'time_to_media']
export const unit = (measure) => (SHARE_MEASURES.includes(measure) ? 'share' : measure === 'mos' ? 'mos' : 'ms')

/** A figure of a selection over some hours; `salt` tells apart hours, weeks and adjustments. */
export function figure(filter, measure, hours, salt = '', factor = 1) {
    const { perHour, badness } = weigh(filter)
    const noise = 1 + 0.16 * (chance(JSON.stringify(filter) + measure + salt) - 0.5)
    const sessions = Math.round(perHour * hours)
    if (sessions === 0) return bare('no_data', 0)
    if (sessions < 5) return bare('too_few', null)
    const effective = Math.round(sessions * 7) / 10
    const value = BASES[measure](badness * noise * factor)
    const relative = SHARE_MEASURES.includes(measure)
        ? Math.sqrt(((1 - value) / value) * (3 / effective))
        : (measure === 'mos' ? 0.12 : 0.9) / Math.sqrt(effective)
    const counts = { sessions, effective_sessions: effective, intervals: sessions * 40 }
    if (effective < ENOUGH) {
        return { value, lower: null, upper: null, ...counts, state: 'cannot_tell', needs_sessions: Math.ceil(ENOUGH / 0.7) }
    }
    const half = value * relative
    const lower = Math.max(0, value - half)
    const limit = unit(measure) === 'share' ? 1 : measure === 'mos' ? 5 : Infinity
    return { value, lower, upper: Math.min(limit, value + half), ...counts, state: 'known', needs_sessions: null }
}

const bare = (state, sessions) => ({
    value: null, lower: null, upper: null, sessions, effective_sessions: sessions, intervals: sessions, state, needs_sessions: null,
})

/** a − b with an interval and a word. */
export function difference(a, b, measure) {
    if (a.lower === null || b.lower === null) return { difference: null, lower: null, upper: null, p: null, word: 'cannot_tell', finding: false }
    const half = Math.hypot((a.upper - a.lower) / 2, (b.upper - b.lower) / 2)
    const value = a.value - b.value
    const z = Math.abs(value) / (half / 1.96)
    const worse = measure === 'mos' ? value < 0 : value > 0
    const word = Math.abs(value) <= half ? 'no_evidence' : worse ? 'worse' : 'better'
    return { difference: value, lower: value - half, upper: value + half, p: Math.exp(-0.717 * z - 0.416 * z * z), word, finding: z > 2.8 }
}

/** Keys of the rows of a breakdown. */
export function keys(by, filter) {
    const inside = Object.entries(COUNTRIES).filter(
        ([code, [continent]]) => (!filter.country || filter.country === code) && (!filter.continent || filter.continent === continent),
    )
    if (by === 'country') return inside.filter(([, row]) => !filter.provider || row[2].includes(filter.provider)).map(([country]) => ({ country }))
    if (by === 'continent') return [...new Set(inside.map(([, [continent]]) => continent))].map((continent) => ({ continent }))
    if (by === 'provider') {
        return inside.flatMap(([country, row]) =>
            row[2].filter((provider) => !filter.provider || provider === filter.provider).map((provider) => ({ country, provider })),
        )
    }
    const place = filter.country && ['subdivision', 'city'].includes(by) ? { country: filter.country } : {}
    return (VALUES[by] ?? []).map((value) => ({ ...place, [by]: value }))
}
