import { describe, expect, it } from 'vitest'

import type { Figure } from '../../src/api/answers'
import { MEASURE_TEXTS, QUANTITY_TEXTS } from '../../src/format/measures'
import { amount, caveat, certainty, difference, differenceInterval, hours, interval, rankRange, sampleSize } from '../../src/format/numbers'
import { countryName, keyName, placeTitle, valueName } from '../../src/format/places'
import { age, clockBoth, dateTimeBoth, offsetMinutes, span } from '../../src/format/time'
import { MEASURES, QUANTITIES } from '../../src/view/view'

const figure = (changes: Partial<Figure>): Figure => ({
    value: 0.0712,
    lower: 0.0651,
    upper: 0.0779,
    sessions: 1312,
    effective_sessions: 901.4,
    intervals: 48211,
    state: 'known',
    needs_sessions: null,
    ...changes,
})

describe('numbers', () => {
    it('have the digits of their unit', () => {
        const read = ([value, unit]: [number | null, 'share' | 'ms' | 'mos' | 'bps' | 'per_second']) => amount(value, unit)
        expect(([[0.0712, 'share'], [0.0042, 'share'], [0.00996, 'share'], [0, 'share'], [1, 'share'], [null, 'share']] as [number | null, 'share'][]).map(read)).toEqual(['7.1%', '0.42%', '1.0%', '0%', '100%', '–'])
        expect(([[210.4, 'ms'], [3.25, 'ms'], [9.96, 'ms'], [999.6, 'ms'], [1240, 'ms']] as [number, 'ms'][]).map(read)).toEqual(['210 ms', '3.3 ms', '10 ms', '1.00 s', '1.24 s'])
        expect([amount(4.1249, 'mos'), amount(1.25e6, 'bps'), amount(48_000, 'bps'), amount(24.2, 'per_second')]).toEqual(['4.12', '1.3 Mbit/s', '48 kbit/s', '24 fps'])
    })

    it('name the unit of an interval once', () => {
        expect(interval(0.0651, 0.0779, 'share')).toBe('6.5–7.8%')
        expect(interval(0.8, 0.9, 'mos')).toBe('0.80–0.90')
        expect(interval(900, 1200, 'ms')).toBe('900 ms–1.20 s')
        expect(interval(null, 0.001, 'share')).toBe('at most 0.10%')
        expect(interval(0.98, null, 'share')).toBe('at least 98.0%')
    })

    it('sign a difference, in points for shares', () => {
        expect(difference(0.012, 'share')).toBe('+1.2 points')
        expect(difference(-0.012, 'share')).toBe('−1.2 points')
        expect(difference(0, 'share')).toBe('±0 points')
        expect(difference(-66, 'ms')).toBe('−66 ms')
        expect(differenceInterval({ lower: -0.004, upper: 0.02 }, 'share')).toBe('−0.40 to +2.0 points')
        expect(differenceInterval({ lower: 990, upper: 1240 }, 'ms')).toBe('+990 ms to +1.24 s')
        // The week before may have an upper limit alone.
        expect(differenceInterval({ lower: 0.011, upper: null }, 'share')).toBe('at least +1.1 points')
        expect(differenceInterval({ lower: null, upper: -0.011 }, 'share')).toBe('at most −1.1 points')
        expect(differenceInterval({ lower: null, upper: null }, 'share')).toBeNull()
    })

    it('never call anything entirely certain', () => {
        expect([certainty(0.998), certainty(0.99999), certainty(1)]).toEqual(['99.8%', '>99.9%', '>99.9%'])
    })

    it('read as ranks, hours and sample sizes', () => {
        expect([rankRange({ from: 2, to: 5 }), rankRange({ from: 1, to: 1 })]).toEqual(['2–5', '1'])
        expect([hours(12.37), hours(0.5), hours(1312), hours(null)]).toEqual(['12.4 h', '30 min', '1,312 h', '–'])
        expect(sampleSize(figure({}))).toBe('1,312 sessions (effective 901)')
        expect(sampleSize(figure({ sessions: null }))).toBe('fewer than 5 sessions')
    })

    it('say why there is no interval', () => {
        expect(caveat(figure({}))).toBeNull()
        expect(caveat(figure({ state: 'cannot_tell', needs_sessions: 1400 }))).toBe('cannot tell yet: needs about 1,400 sessions')
        expect(caveat(figure({ state: 'cannot_tell' }))).toBe('cannot tell: lacks a part of the common mix')
        expect(caveat(figure({ state: 'cannot_tell', value: null }))).toBe('cannot tell')
        expect(caveat(figure({ state: 'too_few' }))).toBe('fewer than 5 sessions')
        expect(caveat(figure({ state: 'no_data' }))).toBe('not measured')
    })
})

describe('instants', () => {
    const at = '2026-12-01T23:30:00Z'

    it('are in the zone of the reader with UTC beside', () => {
        expect(dateTimeBoth(at, 'Europe/Berlin')).toBe('Wed 2 Dec, 00:30 (Tue 1 Dec, 23:30 UTC)')
        expect(dateTimeBoth('2026-12-01T14:00:00Z', 'America/Sao_Paulo')).toBe('Tue 1 Dec, 11:00 (14:00 UTC)')
        expect(dateTimeBoth(at, 'UTC')).toBe('Tue 1 Dec, 23:30 UTC')
        expect(clockBoth(at, 'Asia/Kolkata')).toBe('05:00 (23:30 UTC)')
        expect(clockBoth(at, 'UTC')).toBe('23:30 UTC')
        expect(span('2026-12-01T00:00:00Z', at, 'UTC')).toEqual({ local: 'Tue 1 Dec, 00:00 – 23:30 UTC', utc: null })
        expect(span('2026-12-01T00:00:00Z', at, 'Europe/Berlin').utc).toBe('Tue 1 Dec, 00:00 – 23:30 UTC')
    })

    it('know the offset of a zone, daylight saving included', () => {
        expect(offsetMinutes(Date.parse(at), 'Asia/Kolkata')).toBe(330)
        expect(offsetMinutes(Date.parse(at), 'America/New_York')).toBe(-300)
        expect(offsetMinutes(Date.parse('2026-07-01T00:00:00Z'), 'America/New_York')).toBe(-240)
    })

    it('have an age in words', () => {
        expect([age(31), age(240), age(3900), age(7200), age(3 * 86_400)]).toEqual(['31 s', '4 min', '1 h 5 min', '2 h', '3 days'])
    })
})

describe('names', () => {
    it('of places are English', () => {
        expect([countryName('BR'), countryName('XK'), countryName('not a code')]).toEqual(['Brazil', 'Kosovo', 'not a code'])
        expect(placeTitle({ country: 'BR', provider: 'Claro' })).toBe('Claro in Brazil')
        expect(placeTitle({})).toBe('World')
        expect(valueName('network_type', 'wifi')).toBe('Wi-Fi')
        expect(valueName('edge', '')).toBe('Unknown')
        expect(keyName({ country: 'BR' }, 'provider')).toBe('Others')
    })

    it('cover every measure and quantity', () => {
        for (const measure of MEASURES) expect(MEASURE_TEXTS[measure].steps).toHaveLength(6)
        for (const quantity of QUANTITIES) expect(QUANTITY_TEXTS[quantity].name).not.toBe('')
    })
})
