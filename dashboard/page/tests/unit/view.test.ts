import { describe, expect, it } from 'vitest'

import { allowed, fitted } from '../../src/view/lattice'
import { resolved, weeksBefore, wholeSteps } from '../../src/view/hours'
import { sideNames } from '../../src/view/sides'
import { newestFirst } from '../../src/view/versions'
import { DEFAULT_VIEW, DIMENSIONS, MEASURES, narrowed, parseView, viewAddress, type Filter, type View } from '../../src/view/view'

const again = (view: View): View => {
    const url = new URL(viewAddress(view), 'http://page')
    return parseView(url.pathname, url.search)
}

describe('the address', () => {
    it('holds every dimension, the time, the measure and both sides of a comparison', () => {
        const filter = Object.fromEntries(DIMENSIONS.map((dimension) => [dimension, `${dimension} & "<b>' ü`])) as Filter
        const view: View = {
            page: 'compare',
            time: { from: '2026-11-30T00:00:00Z', to: '2026-12-01T00:00:00Z' },
            filter,
            measure: 'mos',
            raw: true,
            a: { filter: { network_type: 'wifi' }, time: { range: '7d' } },
            b: { filter: { network_type: 'ethernet', provider: 'a=b&c' } },
            quantity: 'jitter_ms',
        }
        expect(again(view)).toEqual(view)
    })

    it('of each page and measure opens the same view', () => {
        for (const page of ['now', 'place', 'provider', 'league', 'compare'] as const) {
            for (const measure of MEASURES) expect(again({ ...DEFAULT_VIEW, page, measure })).toEqual({ ...DEFAULT_VIEW, page, measure })
        }
    })

    it('with values that no page knows falls back to the defaults', () => {
        expect(parseView('/nowhere', '?range=9y&measure=guess&from=yesterday&to=now&contry=BR')).toEqual(DEFAULT_VIEW)
    })

    it('works below a folder of a proxy', () => {
        expect(parseView('/isobar/league', '').page).toBe('league')
    })
})

describe('narrowing', () => {
    it('to another country drops its city, and to a continent its country', () => {
        expect(narrowed({ country: 'BR', city: 'Curitiba', app: 'meet' }, { country: 'AR' })).toEqual({ country: 'AR', app: 'meet' })
        expect(narrowed({ country: 'BR' }, { country: undefined, continent: 'SA' })).toEqual({ continent: 'SA' })
        expect(narrowed({ continent: 'SA' }, { country: 'BR' })).toEqual({ country: 'BR' })
    })

    it('leaves the given filter alone', () => {
        const filter = { country: 'BR' }
        narrowed(filter, { country: undefined })
        expect(filter).toEqual({ country: 'BR' })
    })
})

describe('what a viewer may combine', () => {
    it('is one place or provider and one detail', () => {
        expect(allowed({ app: 'meet', country: 'BR', provider: 'Claro', kind: 'audio' }, 'network_type')).toBe(true)
        expect(allowed({ continent: 'SA' }, 'provider')).toBe(true)
        expect(allowed({ browser: 'Chrome' }, 'browser_version')).toBe(true)
        expect(allowed({ network_type: 'wifi' }, 'edge')).toBe(false)
        expect(allowed({ country: 'BR', city: 'Curitiba' }, 'edge')).toBe(false)
        expect(allowed({ country: 'BR', city: 'Curitiba', provider: 'Claro' })).toBe(false)
        expect(allowed({ city: 'Curitiba' })).toBe(false)
    })

    it('lets the newest choice stay and an older one go', () => {
        expect(fitted({ country: 'BR', network_type: 'wifi', edge: 'gru1' }, ['edge'])).toEqual({ country: 'BR', edge: 'gru1' })
        expect(fitted({ country: 'BR', provider: 'Claro', city: 'Curitiba' }, ['city'])).toEqual({ country: 'BR', city: 'Curitiba' })
        expect(fitted({ country: 'BR', provider: 'Claro', network_type: 'wifi' }, ['provider'])).toEqual({ country: 'BR', provider: 'Claro', network_type: 'wifi' })
    })

    it('is what every fitted filter keeps to', () => {
        const values = DIMENSIONS.map((dimension) => [dimension, 'x'] as const)
        for (let bits = 0; bits < 2 ** DIMENSIONS.length; bits += 1) {
            const filter = Object.fromEntries(values.filter((_, index) => bits & (1 << index))) as Filter
            expect(allowed(fitted(filter, ['network_type']))).toBe(true)
        }
    })
})

describe('time ranges', () => {
    const now = Date.parse('2026-12-01T04:20:31Z')

    it('include the running hour, and beyond a week the running day', () => {
        expect(resolved({ range: '1h' }, now)).toEqual({ from: '2026-12-01T04:00:00Z', to: '2026-12-01T05:00:00Z' })
        expect(resolved({ range: '30d' }, now)).toEqual({ from: '2026-11-02T00:00:00Z', to: '2026-12-02T00:00:00Z' })
    })

    it('a week before have the same weekdays and do not overlap', () => {
        expect(weeksBefore({ from: '2026-11-30T05:00:00Z', to: '2026-12-01T05:00:00Z' })).toEqual({ from: '2026-11-23T05:00:00Z', to: '2026-11-24T05:00:00Z' })
        expect(weeksBefore(resolved({ range: '30d' }, now)).to).toBe('2026-10-28T00:00:00Z')
    })

    it('are widened to whole hours, or to whole days', () => {
        expect(wholeSteps(Date.parse('2026-11-30T05:20:00Z'), Date.parse('2026-11-30T06:00:00Z'))).toEqual({ from: '2026-11-30T05:00:00Z', to: '2026-11-30T06:00:00Z' })
        expect(wholeSteps(Date.parse('2026-11-01T05:20:00Z'), Date.parse('2026-11-30T06:00:00Z'))).toEqual({ from: '2026-11-01T00:00:00Z', to: '2026-12-01T00:00:00Z' })
        expect(wholeSteps(Date.parse('2026-11-30T05:20:10Z'), Date.parse('2026-11-30T05:25:00Z'), 60_000)).toEqual({ from: '2026-11-30T05:20:00Z', to: '2026-11-30T05:25:00Z' })
        expect(wholeSteps(2, 1)).toBeNull()
        expect(wholeSteps(Number.NaN, 1)).toBeNull()
    })
})

it('newer versions come first, by number', () => {
    expect(newestFirst(['4.9.0', '4.10.1', 'unknown', '4.2'])).toEqual(['4.10.1', '4.9.0', '4.2'])
})

it('the sides of a comparison have names that differ', () => {
    expect(sideNames({ country: 'BR' }, { filter: { network_type: 'wifi' } }, { filter: { network_type: 'ethernet' } })).toEqual({ a: 'Wi-Fi', b: 'Ethernet' })
    const { a, b } = sideNames({ country: 'BR' }, { filter: {} }, { filter: {} })
    expect(a).not.toBe(b)
})
