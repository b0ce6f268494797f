import { describe, expect, it } from 'vitest'

import type { Figure, Finding } from '../../src/api/answers'
import { MEASURE_TEXTS } from '../../src/format/measures'
import { linearAxis, logAxis } from '../../src/scales/linear'
import { ownSteps, step, stepLabels } from '../../src/scales/steps'
import { localHour } from '../../src/scales/week'
import { corrected, leading, whiskerAxis } from '../../src/view/rows'
import { MEASURES } from '../../src/view/view'

const figure = (value: number | null, lower: number | null, upper: number | null): Figure => ({
    value, lower, upper, sessions: 100, effective_sessions: 80, intervals: 1000, state: 'known', needs_sessions: null,
})

describe('steps of colour', () => {
    it('go from good to bad for every measure', () => {
        for (const measure of MEASURES) {
            const text = MEASURE_TEXTS[measure]
            expect(text.steps.map((limit) => step(limit, text))).toEqual([1, 2, 3, 4, 5, 6])
            expect(step(text.higherIsWorse ? 0 : 5, text)).toBe(0)
            expect(new Set(stepLabels(text)).size).toBe(7)
        }
    })

    it('have names that meet', () => {
        expect(stepLabels(MEASURE_TEXTS.poor_share).slice(0, 2)).toEqual(['under 1.0%', '1.0–2.0%'])
        expect(stepLabels(MEASURE_TEXTS.mos)[0]).toBe('over 4.30')
    })

    it('of one selection reach from zero to its worst', () => {
        const own = ownSteps(MEASURE_TEXTS.poor_share, [0.1, 0.35])
        expect([step(0, own), step(0.34, own), step(0.35, own)]).toEqual([0, 6, 6])
        expect(ownSteps(MEASURE_TEXTS.mos, [4.4, 3.6])).toBe(MEASURE_TEXTS.mos)
        expect(ownSteps(MEASURE_TEXTS.poor_share, [])).toBe(MEASURE_TEXTS.poor_share)
    })
})

describe('axes', () => {
    it('have round ticks', () => {
        expect(linearAxis(0, 0.283, 4).ticks).toEqual([0, 0.1, 0.2])
        expect(linearAxis(0, 10, 5).ticks).toEqual([0, 2, 4, 6, 8, 10])
        expect(logAxis(8, 700).ticks).toEqual([10, 30, 100, 300])
        expect(logAxis(1, 10_000).ticks).toEqual([1, 10, 100, 1000, 10_000])
    })

    it('keep values inside', () => {
        const axis = linearAxis(0, 10)
        expect([axis.at(-3), axis.at(5), axis.at(30)]).toEqual([0, 0.5, 1])
        expect(logAxis(1, 100).at(0)).toBe(0)
        expect(linearAxis(0, 0).at(0)).toBe(0)
        expect([axis.holds(10), axis.holds(10.1), logAxis(1, 100).holds(0.5)]).toEqual([true, false, false])
    })

    it('of whiskers are not flattened by one wide interval', () => {
        const rows = [...Array.from({ length: 40 }, () => figure(0.05, 0.04, 0.06)), figure(0.06, 0, 0.9)]
        expect(whiskerAxis(rows, MEASURE_TEXTS.poor_share, 4).at(0.06)).toBeGreaterThan(0.9)
    })
})

describe('hours of the week', () => {
    it('move with the zone, over the ends of the week', () => {
        expect(localHour(1, 0, -180)).toEqual({ day: 6, hour: 21 })
        expect(localHour(7, 23, 330)).toEqual({ day: 0, hour: 4 })
        expect(localHour(3, 12, 0)).toEqual({ day: 2, hour: 12 })
    })

    it('of all 168 stay 168', () => {
        const hours = Array.from({ length: 168 }, (_, index) => localHour(Math.floor(index / 24) + 1, index % 24, -570))
        expect(new Set(hours.map(({ day, hour }) => day * 24 + hour)).size).toBe(168)
    })
})

describe('rows', () => {
    const finding = (word: Finding['word'], stands: boolean): Finding => ({ word, finding: stands, difference: 0, lower: 0, upper: 0, p: 0.04 })

    it('are called worse or better only where the correction lets it stand', () => {
        expect(corrected(finding('worse', true))).toBe('worse')
        expect(corrected(finding('worse', false))).toBe('no_evidence')
        expect(corrected(finding('cannot_tell', false))).toBe('cannot_tell')
        expect(corrected(null)).toBe('cannot_tell')
    })

    it('lead with the adjusted figure where there is one', () => {
        const [raw, adjusted] = [figure(0.1, 0, 1), figure(0.2, 0, 1)]
        expect([leading({ raw, adjusted }, false), leading({ raw, adjusted }, true), leading({ raw, adjusted: null }, false)]).toEqual([adjusted, raw, raw])
    })
})
