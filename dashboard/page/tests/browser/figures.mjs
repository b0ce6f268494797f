// Figures of the pages against those of the truth, to the printed digit. Written apart from src/format/.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

import { Reader } from './harness.mjs'

const NAMES = { poor_share: 'Poor share', round_trip_p95: 'Round trip, p95', loss: 'Packet loss', mos: 'MOS', setup_failures: 'Set-up failures', time_to_media: 'Time to media' }
const UNITS = { poor_share: 'share', loss: 'share', setup_failures: 'share', mos: 'mos', round_trip_p95: 'ms', time_to_media: 'ms' }
/** Fewest figures that a comparison of a page has to cover. */
const ENOUGH = 5

export const figureChecks = {
    async 'figures equal the truth to the printed digit'({ browser, base, failing, expected }) {
        if (expected === undefined) return 'needs a world whose truth is known'
        const truth = JSON.parse(readFileSync(expected, 'utf8'))
        const { country, provider } = failing
        const times = { from: truth.from, to: truth.to }
        const address = (page, filter) => `/${page}?${new URLSearchParams({ ...times, ...filter })}`
        const reader = await Reader.open(browser, base)
        for (const [page, path, of] of [
            ['now', '', {}],
            ['place', 'place', { country }],
            ['provider', 'provider', { country, provider }],
        ]) {
            await reader.goto(address(path, of))
            assert.deepEqual(await headlines(reader), wanted(truth[page]), `the figures of ${page}`)
        }
        await reader.goto(address('league', { country }))
        const rows = await league(reader)
        assert.ok(rows.length >= ENOUGH, `${rows.length} providers`)
        for (const row of rows) {
            const { raw, adjusted } = truth.league.find(({ name }) => name === row.name) ?? assert.fail(`${row.name} is not in the truth`)
            const sizes = { sessions: `${adjusted.sessions}`, effective: `eff. ${Math.round(adjusted.effective)}` }
            assert.deepEqual(row, { name: row.name, adjusted: printed(adjusted, 'share'), raw: printed(raw, 'share'), ...sizes })
        }
        // Those under five sessions are folded, and one more with a single one of them.
        const enough = truth.league.filter(({ raw }) => raw !== null)
        assert.ok(rows.length >= enough.length - 1, `${rows.length} of ${enough.length} providers`)
        return reader.close('the figures')
    },
}

/** The headline figures that a page shows, by measure. */
async function headlines(reader) {
    const found = await reader.page.$$eval('section[aria-label^="Headline"] li', (items) =>
        items.map((item) => ({
            name: item.querySelector('a').textContent.trim(),
            value: item.querySelector('data').textContent,
            interval: item.querySelector('.lead .interval')?.textContent.trim(),
            size: item.querySelector('.n').textContent.replace(/\s+/g, ' ').trim(),
        })),
    )
    return Object.fromEntries(
        Object.entries(NAMES).map(([measure, name]) => {
            const { value, interval, size } = found.find((one) => one.name === name) ?? assert.fail(`no ${name}`)
            return [measure, measure in QUANTILES ? { value } : { value, interval, size }]
        }),
    )
}

/** Of percentiles the truth has the value. */
const QUANTILES = { round_trip_p95: true, mos: true, time_to_media: true }

function wanted(figures) {
    return Object.fromEntries(
        Object.keys(NAMES).map((measure) => {
            const figure = figures[measure]
            if (measure in QUANTILES) return [measure, { value: amount(figure.value, UNITS[measure]) }]
            const size = `${whole(figure.sessions)} sessions (effective ${whole(figure.effective)})`
            return [measure, { ...printed(figure, UNITS[measure]), size }]
        }),
    )
}

/** The rows of the league that stand for one provider. */
function league(reader) {
    return reader.page.$$eval('tbody tr', (rows) =>
        rows
            .filter((row) => row.querySelector('th a'))
            .map((row) => {
                const [adjusted, raw] = [...row.querySelectorAll('td .figure')].map((figure) => ({
                    value: figure.querySelector('data')?.textContent ?? null,
                    interval: figure.querySelector('.interval').textContent.trim(),
                }))
                const [sessions, effective] = [...row.querySelectorAll('.n.stacked > span')].map((part) => part.textContent.trim())
                return { name: row.querySelector('th a').textContent.trim(), adjusted, raw, sessions, effective }
            }),
    )
}

function printed(figure, unit) {
    return { value: figure.value === null ? null : amount(figure.value, unit), interval: figure.tells ? interval(figure, unit) : needs(figure) }
}

function needs({ value, needs }) {
    if (needs !== null) return `cannot tell yet: needs about ${whole(needs)} sessions`
    return value === null ? 'cannot tell' : 'cannot tell: lacks a part of the common mix'
}

function interval({ lower, upper }, unit) {
    if (lower === null) return `at most ${amount(upper, unit)}`
    if (upper === null) return `at least ${amount(lower, unit)}`
    return `${amount(lower, unit).replace('%', '')}–${amount(upper, unit)}`
}

function amount(value, unit) {
    if (unit === 'mos') return value.toFixed(2)
    if (unit === 'ms') return value >= 999.5 ? `${(value / 1000).toFixed(2)} s` : `${value.toFixed(value < 9.95 ? 1 : 0)} ms`
    const percent = value * 100
    if (percent === 0) return '0%'
    return `${percent.toFixed(percent < 0.995 ? 2 : percent < 99.95 ? 1 : 0)}%`
}

const whole = (value) => Math.round(value).toLocaleString('en')
